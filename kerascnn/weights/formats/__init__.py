"""Readers of the file formats of weights; they return tensors and texts, and run no code."""
