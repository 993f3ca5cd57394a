"""Every recipe: importing this registers its kernels."""

from minirt.kernels.twin import compaction, sampling, suppression

__all__ = ["compaction", "sampling", "suppression"]
