"""The version of this package, in a module that setup tools can read without importing it."""

__version__ = "0.1.0"
