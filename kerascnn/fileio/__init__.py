"""Reading and writing files: atomic writes, locks, bounded reads, JSON, CSV, the cache."""
