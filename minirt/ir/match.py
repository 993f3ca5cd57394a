"""Patterns over values: what a rewrite rule looks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minirt.ir.graph import Constant
from minirt.ir.op import Op, Value


@dataclass(frozen=True)
class Pattern:
    """A value made by one of ``ops`` whose first operands match ``operands`` (all of them unless ``open``).

    ``bind`` names the value itself; ``once`` asks that nothing else reads it; ``either`` also tries the first two
    operands swapped.
    """

    ops: tuple[type[Op], ...]
    operands: tuple[Operand, ...] = ()
    bind: str = ""
    once: bool = False
    open: bool = False
    either: bool = False


Operand = Pattern | str


def P(  # noqa: N802 - reads as the pattern language's one word
    ops: type[Op] | tuple[type[Op], ...],
    *operands: Operand,
    bind: str = "",
    once: bool = False,
    open: bool = False,
    either: bool = False,
) -> Pattern:
    """The pattern; with no operands given, any operands match."""
    kinds = ops if isinstance(ops, tuple) else (ops,)
    return Pattern(kinds, operands, bind, once, open or not operands, either)


def C(bind: str) -> Pattern:  # noqa: N802
    """A constant, bound to ``bind``."""
    return Pattern((Constant,), (), bind, open=True)


def match(pattern: Operand, value: Value, uses: Mapping[Value, int]) -> dict[str, Value] | None:
    """Bindings by name, or None; a name used twice must meet the same value."""
    return _match(pattern, value, uses, {}, root=True)


def _match(
    pattern: Operand, value: Value, uses: Mapping[Value, int], bound: dict[str, Value], root: bool = False
) -> dict[str, Value] | None:
    if isinstance(pattern, str):
        return _bind(pattern, value, bound)
    if not isinstance(value.op, pattern.ops) or (pattern.once and not root and uses.get(value, 1) > 1):
        return None
    inputs = value.node.inputs
    if len(inputs) < len(pattern.operands) or (len(inputs) > len(pattern.operands) and not pattern.open):
        return None
    found = _bind(pattern.bind, value, bound)
    if found is None:
        return None
    orders = [inputs]
    if pattern.either and len(inputs) >= 2 and inputs[0] is not inputs[1]:
        orders.append((inputs[1], inputs[0], *inputs[2:]))
    for order in orders:
        trial: dict[str, Value] | None = dict(found)
        for operand, item in zip(pattern.operands, order, strict=False):
            trial = None if trial is None else _match(operand, item, uses, trial)
        if trial is not None:
            return trial
    return None


def _bind(name: str, value: Value, bound: dict[str, Value]) -> dict[str, Value] | None:
    if not name or name == "_":
        return bound
    if name in bound:
        return bound if bound[name] is value else None
    return {**bound, name: value}
