"""Weights: reading files of many formats, matching them with a model, saving our own."""

# `kerascnn.weights.published(tag)` is documented in docs/weights.md.
from kerascnn.published.catalogue import published as published
