"""Weights: published ones by name, other people's files, fitting them to a model, our own."""

from __future__ import annotations

from kerascnn.weights.catalogue import Published as Published
from kerascnn.weights.catalogue import published as published
