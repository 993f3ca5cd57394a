"""Element types, dimension expressions and tensor types."""
