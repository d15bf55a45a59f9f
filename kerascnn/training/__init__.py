"""Training: one call from data and a recipe to a run directory that can be resumed."""
