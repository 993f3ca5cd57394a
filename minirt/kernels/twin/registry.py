"""Every recipe: importing this registers its kernels."""

from minirt.kernels.twin import compaction, folding, sampling, suppression

__all__ = ["compaction", "folding", "sampling", "suppression"]
