"""minirt: an inference compiler and runtime that speaks the TensorRT Python API."""

__version__ = "10.16.1.11"
