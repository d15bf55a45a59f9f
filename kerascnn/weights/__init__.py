"""Weights: reading files of many formats, matching them with a model, saving our own."""
