"""Constants of scalar expressions as run-time arguments, so that layers that differ only in them share a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirt.ir.scalar import Body, Number, Scalar, arg, postorder, rebuild
from minirt.plan.launch import Address, Arg, Integer, Launch, Real, Unit
from minirt.types.dtype import DType, dtype_of, f32, f64, i32, i64

_LIFTED = (f32, f64, i32, i64)
_PARENTS = frozenset({"add", "sub", "mul", "div"})
_PLAIN = frozenset({0, 1, -1, 2, -2, 0.5, -0.5})
Constants = tuple[tuple[DType, Number], ...]


def lift(body: Body, kinds: tuple[DType, ...] = _LIFTED) -> tuple[Body, Constants]:
    """The body with its constants as arguments after its own, and their values.

    Only operands of plain arithmetic are taken, and no simple numbers: elsewhere the value matters for the code.
    """
    users: dict[Scalar, set[str]] = {}
    order = postorder(body.results)
    for node in order:
        for operand in node.args:
            users.setdefault(operand, set()).add(node.fn)
    found = [n for n in order if n.fn == "const" and n.dtype in kinds and n.value not in _PLAIN]
    taken = [n for n in found if users.get(n, set()) <= _PARENTS and n not in body.results and n.value == n.value]
    if not taken:
        return body, ()
    places = {n: arg(len(body.args) + i, n.dtype) for i, n in enumerate(taken)}
    results = rebuild(body.results, lambda n: places.get(n, n))
    values = tuple((n.dtype, n.value) for n in taken if n.value is not None)
    return Body((*body.args, *(n.dtype for n in taken)), results), values


def constant_args(values: Constants) -> list[Arg]:
    """One argument for each constant."""
    return [Real(float(v), 64) if d.is_float else Integer(int(v)) for d, v in values]


def constant_lines(dtypes: Sequence[str], first: int) -> list[str]:
    """Statements of kernel text that read constants from arguments ``first`` on: ``k0``, ``k1``, ..."""
    words = {"f32": "float32(as_f64(args[{}]))", "f64": "as_f64(args[{}])", "i32": "int32(args[{}])", "i64": "args[{}]"}
    return [f"k{i} = {words[name].format(first + i)}" for i, name in enumerate(dtypes)]


CONSTANT_IMPORTS = "from numba import float32, int32\nfrom minirt.kernels.cpu.pointers import as_f64"
"""What ``constant_lines`` needs."""


def constants_launch(values: Constants, place: Address) -> Launch:
    """A launch that writes 32-bit constants one after another."""
    bits = [int(dtype_of(d.name).numpy.type(v).view(np.int32)) for d, v in values]
    args: tuple[Arg, ...] = (place, *(Integer(b) for b in bits))
    return Launch(Unit("DimsWrite", {"dtype": "i32"}), args, (len(values), 1 << 20, 1))
