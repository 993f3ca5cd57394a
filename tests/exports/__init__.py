"""Nets exported from PyTorch with random weights that are conditioned to give informative answers."""
