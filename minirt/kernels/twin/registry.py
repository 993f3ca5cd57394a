"""Every recipe: importing this registers its kernels."""

from minirt.kernels.twin import compaction, dynamic, folding, narrow, random, resizing, sampling, suppression, unique

__all__ = ["compaction", "dynamic", "folding", "narrow", "random", "resizing", "sampling", "suppression", "unique"]
