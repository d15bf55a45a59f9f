"""What tests of several packages share; tests/conftest.py makes it importable as `support`."""
