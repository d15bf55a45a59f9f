"""Weights from other libraries: what a network expects, and how others name and lay it out."""
