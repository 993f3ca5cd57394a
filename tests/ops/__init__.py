"""Tests of ops against onnxruntime."""
