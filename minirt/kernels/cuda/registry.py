"""Every CUDA kernel family: importing this registers them."""

from minirt.kernels.cuda import conv_kernels, gemm_kernels, map, map_tiled, reduce, row_statistics

__all__ = ["conv_kernels", "gemm_kernels", "map", "map_tiled", "reduce", "row_statistics"]
