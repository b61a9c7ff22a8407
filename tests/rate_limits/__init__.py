"""Rate limits and the shield: in memory, on Redis, through every adapter."""
