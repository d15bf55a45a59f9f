"""The networks' building blocks once more, in NumPy, written from the papers, not from the package.

Plain loops and sums over arrays of (N, H, W, C), in float64: slow, and easy to check by eye.
"""
