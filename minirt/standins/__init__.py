"""What a TensorRT script imports beside minirt, where it is not there: `tensorrt` itself, and CUDA on host memory."""
