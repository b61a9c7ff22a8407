"""One module for each kind of credential. They know the protocol `Authenticator`, and nothing of the guard."""

from mindpeeker_guard.authenticators.api_key import APIKey
from mindpeeker_guard.authenticators.jwt_bearer import JWTBearer

__all__ = ["APIKey", "JWTBearer"]
