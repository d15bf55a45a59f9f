"""Downloading published checkpoints and checking their digests."""
