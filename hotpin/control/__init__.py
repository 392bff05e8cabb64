"""Commands to the running daemon, over a Unix socket that only its owner can reach."""
