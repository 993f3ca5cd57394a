"""What this machine's CPU is: its name and features for LLVM, its vector width, the cores this process may use."""

from __future__ import annotations

import os
from functools import lru_cache

from llvmlite import binding as llvm

from minirt.flags import flags
from minirt.limits import available_cores


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """LLVM's name of the CPU; NUMBA_CPU_NAME overrides it, as it does for Numba."""
    return os.environ.get("NUMBA_CPU_NAME") or str(llvm.get_host_cpu_name())


@lru_cache(maxsize=1)
def cpu_features() -> str:
    """LLVM's feature list of the CPU ("+avx2,-sse4a,..."); NUMBA_CPU_FEATURES overrides it, as it does for Numba."""
    given = os.environ.get("NUMBA_CPU_FEATURES")
    return str(llvm.get_host_cpu_features().flatten()) if given is None else given


@lru_cache(maxsize=1)
def lanes() -> int:
    """Number of 32-bit floats in one vector register: 16, 8 or 4."""
    features = cpu_features().split(",")
    return 16 if "+avx512f" in features else 8 if "+avx" in features else 4


@lru_cache(maxsize=1)
def word_lanes() -> int:
    """Number of 32-bit integers in one vector register that pairs of 16-bit products are summed in: 16, 8 or 4."""
    features = cpu_features().split(",")
    return 16 if "+avx512bw" in features else 8 if "+avx2" in features else 4


def threads() -> int:
    """CPU threads of an inference: MINIRT_THREADS, or the cores that this process may use."""
    return flags().threads or available_cores()
