"""Every CPU kernel class: importing this registers them."""

from minirt.kernels.cpu.pointwise import MapStrided

__all__ = ["MapStrided"]
