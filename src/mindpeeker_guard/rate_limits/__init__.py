"""Rate limits, counted in memory or in a Redis that all processes share. Needs the extra ``limits``."""

from mindpeeker_guard._rates import Per, RateLimit
from mindpeeker_guard.rate_limits._limits import RateLimits
from mindpeeker_guard.rate_limits._outage import RateLimitHealth

__all__ = ["Per", "RateLimit", "RateLimitHealth", "RateLimits"]
