"""Every CUDA kernel family: importing this registers them."""

from minirt.kernels.cuda import (
    attention,
    conv_depthwise,
    conv_kernels,
    gather,
    gemm_kernels,
    map,
    map_tiled,
    movement,
    ordering,
    pool,
    recurrent,
    reduce,
    resize,
    row_statistics,
    scatter,
    user_kernel,
)

__all__ = [
    "attention",
    "conv_depthwise",
    "conv_kernels",
    "gather",
    "gemm_kernels",
    "map",
    "map_tiled",
    "movement",
    "ordering",
    "pool",
    "recurrent",
    "reduce",
    "resize",
    "row_statistics",
    "scatter",
    "user_kernel",
]
