"""The catalogue of published checkpoints, one module for each publisher."""
