"""Operators of onnxruntime, one node at a time, against its own CPU kernels."""
