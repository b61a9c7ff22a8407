"""A key set and its verified-token cache over simulated weeks, against an oracle that knows what the issuer did."""
