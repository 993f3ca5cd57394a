"""The ONNX backend tests."""
