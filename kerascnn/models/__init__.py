"""Models: the registry of architectures, how they are built and what they cost."""
