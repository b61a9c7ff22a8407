"""What may be wrong with a token or an API key."""

from __future__ import annotations

from mindpeeker_guard.errors._roots import AuthError


class InvalidTokenError(AuthError):
    """The access token is not good (RFC 6750 section 3.1)."""

    status = 401
    error = "invalid_token"
    code = "token_invalid"
    is_guess = True
    description = "The access token is not valid."


class MalformedTokenError(InvalidTokenError):
    """The token is no compact JWS with a JSON object in its header and payload (RFC 7515 section 5.2)."""

    code = "token_malformed"
    description = "The access token is malformed."


class UnsupportedAlgorithmError(InvalidTokenError):
    """The token's ``alg`` is not one this guard accepts, or does not fit the key that ``kid`` names."""

    code = "algorithm_not_allowed"
    description = "The access token is signed with an algorithm that is not accepted."


class WrongTokenTypeError(InvalidTokenError):
    """The token is of another kind, such as an ID token (RFC 9068 section 4)."""

    code = "token_type_wrong"
    is_guess = False
    description = "This kind of token is not accepted here."


class InvalidSignatureError(InvalidTokenError):
    """The signature does not fit the token."""

    code = "signature_invalid"
    description = "The access token's signature is not valid."


class UnknownKeyError(InvalidTokenError):
    """The issuer does not publish the key that the token names."""

    code = "key_unknown"
    description = "The access token is signed with a key that the issuer does not publish."


class ExpiredTokenError(InvalidTokenError):
    """``exp`` has passed (RFC 7519 section 4.1.4)."""

    code = "token_expired"
    is_guess = False
    description = "The access token has expired."


class ImmatureTokenError(InvalidTokenError):
    """``nbf`` or ``iat`` lies in the future (RFC 7519 sections 4.1.5 and 4.1.6)."""

    code = "token_immature"
    is_guess = False
    description = "The access token is not valid yet."


class InvalidIssuerError(InvalidTokenError):
    """``iss`` is not the issuer this guard trusts (RFC 7519 section 4.1.1)."""

    code = "issuer_mismatch"
    is_guess = False
    description = "The access token comes from another issuer."


class InvalidAudienceError(InvalidTokenError):
    """``aud`` does not name this API (RFC 7519 section 4.1.3)."""

    code = "audience_mismatch"
    is_guess = False
    description = "The access token is not meant for this API."


class MissingClaimError(InvalidTokenError):
    """A claim that must be there is not."""

    code = "claim_missing"
    is_guess = False
    description = "The access token lacks a required claim."


class InvalidClaimError(InvalidTokenError):
    """A claim is not of the type that its definition demands."""

    code = "claim_invalid"
    is_guess = False
    description = "The access token has a claim of the wrong type."


class SenderConstraintError(InvalidTokenError):
    """The token is bound to a key (``cnf``, RFC 7800) and came as a plain bearer token."""

    code = "sender_constrained"
    is_guess = False
    description = "The access token is bound to a key and cannot be used as a bearer token."


class RevokedTokenError(InvalidTokenError):
    """The access token was revoked before its end."""

    code = "token_revoked"
    is_guess = False
    description = "The access token has been revoked."


class InvalidAPIKeyError(InvalidTokenError):
    """The API key is malformed, unknown, of another environment, or has a wrong secret: nobody learns which."""

    code = "api_key_invalid"
    description = "The API key is not valid."


class ExpiredAPIKeyError(InvalidAPIKeyError):
    """The API key has come to its end."""

    code = "api_key_expired"
    is_guess = False
    description = "The API key has expired."


class RevokedAPIKeyError(InvalidAPIKeyError):
    """The API key was revoked."""

    code = "api_key_revoked"
    is_guess = False
    description = "The API key was revoked."
