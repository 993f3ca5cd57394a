"""Plugins that come with TensorRT, as compositions of core ops: nodes of ONNX models, and layers of scripts."""
