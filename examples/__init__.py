"""Short scripts, one TensorRT task each, that check their own numbers."""
