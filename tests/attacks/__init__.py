"""What attackers and odd peers send."""
