"""Kernel families and how they are compiled."""
