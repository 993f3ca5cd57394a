"""The typed, immutable graph."""
