"""Operators of onnxruntime (domain com.microsoft), composed of the core ops."""
