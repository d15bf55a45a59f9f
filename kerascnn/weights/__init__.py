"""Weights: reading other people's files, fitting them to a model, writing our own."""
