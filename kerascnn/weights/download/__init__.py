"""Downloads published checkpoints and checks their digests."""
