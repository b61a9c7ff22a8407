"""What tests share: keys, tokens signed by hand, a clock."""
