"""Op classes by family and the NumPy interpreter."""
