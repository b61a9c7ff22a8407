"""What happens to requests when the issuer, the network or the process misbehaves: over real sockets, in real time."""
