"""Networks that leave the batch out, as TensorRT 7 and 8 had them: the batch becomes axis 0 of what comes from inputs.

One table says, for each kind of layer, how its fields count axes once there is one more; kinds that are not in it
work on the last axes, or element by element, and need no change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minirt.ir.op import Value
from minirt.types.dim import Dim, symbol

BATCH = "implicit_batch"
Fields = dict[str, Any]


def batch_dim() -> Dim:
    """Return the dim that networks without a batch get."""
    return symbol(BATCH)


def is_batched(value: Value) -> bool:
    """Return whether a value has the batch as axis 0; constants have none."""
    return value.rank > 0 and str(value.shape[0]) == BATCH


def _mask(name: str) -> Callable[[Fields, int], Fields]:
    def shift(fields: Fields, rank: int) -> Fields:
        kept = fields.get(name)
        return {name: (1 << max(0, rank - 4) if kept is None else int(kept)) << 1}

    return shift


def _axis(*names: str) -> Callable[[Fields, int], Fields]:
    def shift(fields: Fields, rank: int) -> Fields:
        kept = {n: fields.get(n) for n in names}
        return {n: (max(0, rank - 4) if a is None else int(a)) + 1 for n, a in kept.items() if a is None or a >= 0}

    return shift


def _gather(fields: Fields, rank: int) -> Fields:
    if fields.get("mode") == "ND":
        return {}
    return {"axis": int(fields["axis"]) + 1} if int(fields["axis"]) >= 0 else {}


def _shuffle(fields: Fields, rank: int) -> Fields:
    out: Fields = {}
    for name in ("first_transpose", "second_transpose"):
        if fields.get(name) is not None:
            out[name] = (0, *(axis + 1 for axis in fields[name]))
    if fields.get("reshape_dims") is not None:
        out["reshape_dims"] = (0, *fields["reshape_dims"])
        out["zero_is_placeholder"] = True
    return out


def _slice(fields: Fields, rank: int) -> Fields:
    return {"axes": tuple(range(1, rank))}


def _resize(fields: Fields, rank: int) -> Fields:
    return {"scales": [1.0, *fields["scales"]]} if fields.get("scales") else {"batched": True}


_SHIFTS: dict[str, Callable[[Fields, int], Fields]] = {
    "SOFTMAX": _mask("axes"),
    "REDUCE": _mask("axes"),
    "TOPK": _mask("axes"),
    "NORMALIZATION": _mask("axes"),
    "CONCATENATION": _axis("axis"),
    "GATHER": _gather,
    "ONE_HOT": _axis("axis"),
    "SCATTER": _axis("axis"),
    "SHUFFLE": _shuffle,
    "SLICE": _slice,
    "RESIZE": _resize,
}


def shifted(kind: str, fields: Mapping[str, Any], operands: Sequence[Value | None]) -> Mapping[str, Any]:
    """Return the fields of a layer with axes counted from the batch, where its first operand has one."""
    shift = _SHIFTS.get(kind)
    first = operands[0] if operands else None
    if shift is None or first is None or not is_batched(first):
        return fields
    made = {**fields, **shift(dict(fields), first.rank)}
    if kind == "GATHER" and operands[1] is not None and is_batched(operands[1]):  # each sample has indices of its own
        made["num_elementwise_dims"] = int(fields["num_elementwise_dims"]) + 1
    return made
