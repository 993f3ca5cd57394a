"""Every CUDA kernel family: importing this registers them."""

from minirt.kernels.cuda import map, map_tiled, reduce, row_statistics

__all__ = ["map", "map_tiled", "reduce", "row_statistics"]
