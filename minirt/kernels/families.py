"""Every kernel family: importing this registers every kernel class."""

from minirt.ir.op import Op
from minirt.kernels.cpu import registry as cpu
from minirt.kernels.cuda import registry as cuda
from minirt.kernels.kernel import KERNELS, Kernel, Target
from minirt.kernels.twin import registry as twin

__all__ = ["KERNELS", "REGISTRIES", "candidates"]

REGISTRIES = (cpu, cuda, twin)


def candidates(target: Target, op: Op) -> list[Kernel]:
    """Kernels of a target for an op, in the order to ask them."""
    found = [k for k in KERNELS.values() if k.target == target.kind and isinstance(op, k.ops)]
    return sorted(found, key=lambda k: k.rank)
