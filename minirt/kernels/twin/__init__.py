"""Kernels written once, in a little language, and printed for both targets."""
