"""CUDA kernels, compiled by NVRTC."""
