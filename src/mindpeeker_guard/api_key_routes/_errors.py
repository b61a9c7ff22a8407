"""What can be wrong with a request for one of the routes, besides what the service finds wrong with its values."""

from __future__ import annotations

from mindpeeker_guard.errors import AnswerError


class InvalidBodyError(AnswerError):
    """The body is no JSON object, or strict and lenient readers could read it differently (RFC 8259)."""

    status = 400
    code = "body_invalid"
    description = "The body must be one JSON object in UTF-8, with unique names."


class BodyTooLargeError(AnswerError):
    """The body is larger than any good one (RFC 9110 section 15.5.14)."""

    status = 413
    code = "body_too_large"
    description = "The body is too large."


class UnsupportedContentTypeError(AnswerError):
    """The body is not said to be JSON (RFC 9110 section 15.5.16)."""

    status = 415
    code = "content_type_unsupported"
    description = "The body must be of the type application/json."


class OwnerUnknownError(AnswerError):
    """The token has neither ``sub`` nor a client id: nobody could own the key."""

    status = 403
    code = "owner_unknown"
    description = "The access token names neither a user nor a client."
