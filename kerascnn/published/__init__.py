"""The catalogue of published checkpoints, with one module per publisher."""
