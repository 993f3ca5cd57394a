"""The ONNX importer: the only place that imports onnx."""
