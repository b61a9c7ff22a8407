"""The contract: every case, through every carrier, with the same bytes."""
