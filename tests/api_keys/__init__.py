"""API keys: the service, its cache, and the authenticator."""
