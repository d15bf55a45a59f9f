"""The run directory that training writes and everything else reads."""
