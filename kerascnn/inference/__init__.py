"""Predictions from a model, a run or an exported file."""
