"""Models: the registry of rows, building them, and what they cost; no weights, no data."""
