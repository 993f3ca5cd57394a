"""The TensorRT classes: thin."""
