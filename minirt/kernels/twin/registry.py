"""Every recipe: importing this registers its kernels."""

from minirt.kernels.twin import sampling

__all__ = ["sampling"]
