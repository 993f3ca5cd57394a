"""Every recipe: importing this registers its kernels."""

from minirt.kernels.twin import compaction, folding, random, sampling, suppression

__all__ = ["compaction", "folding", "random", "sampling", "suppression"]
