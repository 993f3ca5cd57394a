"""Tests of the TensorRT API."""
