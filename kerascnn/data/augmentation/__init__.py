"""Random changes of training images; the random numbers depend on seed, epoch and index only."""
