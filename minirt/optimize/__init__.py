"""The target-neutral passes."""
