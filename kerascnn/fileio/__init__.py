"""Reading and writing files: atomic writes, locks, safe reads, JSON, CSV, the download cache."""
