"""Plans as JSON and back: a closed set of dataclasses, read strictly."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

from minirt.errors import EngineFormatError, MinirtError
from minirt.plan import launch, plan
from minirt.plan.fields import check_fields, fields_of
from minirt.plan.places import check_places
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import dtype_of
from minirt.types.evaluate import parse_dim
from minirt.types.tensor import Tensor

_KINDS: dict[str, type[Any]] = {
    k.__name__: k
    for k in (
        launch.Address, launch.Integer, launch.Real, launch.TensorMap, launch.Unit, launch.Launch,
        plan.Buffer, plan.View, plan.Choice, plan.KernelStep, plan.HostStep, plan.CallStep, plan.ReadStep,
        plan.IfStep, plan.LoopStep, plan.Weight, plan.Binding, plan.Plan,
    )
}  # fmt: skip
_MAX_DEPTH = 64


def encode(value: Any) -> Any:
    """A plan, or a part of one, as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"r": repr(value)}  # which JSON has no word for
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Expr | Fraction):
        return {"d": str(value)}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {"m": [[k, encode(v)] for k, v in value.items()]}
    if isinstance(value, Tensor):
        return {"t": [value.dtype.name, [encode(d) for d in value.shape], list(value.layout)]}
    name = type(value).__name__
    if name not in _KINDS:
        raise MinirtError(f"a plan may not hold {name}")
    return {name: [encode(getattr(value, f.name)) for f in dataclasses.fields(value)]}


@lru_cache(maxsize=65536)
def _dim(text: str) -> Dim:
    return parse_dim(text)


def decode(data: Any) -> Any:
    """What ``encode`` wrote; raises EngineFormatError for anything else."""
    try:
        return _decode(data, 0)
    except EngineFormatError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, MinirtError) as error:
        raise EngineFormatError(f"plan is damaged: {error}") from error


def decode_plan(data: Any) -> plan.Plan:
    """The plan that ``encode`` wrote."""
    found = decode(data)
    if not isinstance(found, plan.Plan):
        raise EngineFormatError("plan section holds no plan")
    check_places(found)
    return found


def _decode(data: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise EngineFormatError(f"plan nests deeper than {_MAX_DEPTH}")
    if isinstance(data, list):
        return tuple(_decode(v, depth + 1) for v in data)
    if not isinstance(data, dict):
        return data
    ((kind, inner),) = data.items()
    if kind == "d":
        return _dim(inner)
    if kind == "r":
        return float(inner)
    if kind == "m":
        return {k: _plain(_decode(v, depth + 1)) for k, v in inner}
    if kind == "t":
        return _tensor(inner, depth)
    return _part(_KINDS[kind], [_decode(v, depth + 1) for v in inner])


def _tensor(inner: Any, depth: int) -> Tensor:
    name, dims, layout = inner
    made = Tensor(dtype_of(name), tuple(_decode(d, depth) for d in dims), tuple(layout))
    if not all(isinstance(d, int | Expr) for d in made.shape) or sorted(made.order) != list(range(made.rank)):
        raise EngineFormatError(f"plan is damaged: there is no tensor {made}")
    return made


def _part(made: type[Any], values: list[Any]) -> Any:
    """A part of a plan of these fields, checked."""
    names = [name for name, _ in fields_of(made)]
    if len(values) != len(names):
        raise EngineFormatError(f"{made.__name__} has {len(values)} fields, not {len(names)}")
    given = dict(zip(names, values, strict=True))
    if made is plan.Plan:
        given["ranges"] = {k: tuple(v) for k, v in given["ranges"].items()}  # which JSON has no other word for
    part = made(**given)
    check_fields(part)
    return part


def _plain(value: Any) -> Any:
    """Specs are JSON: lists, not tuples."""
    return list(value) if isinstance(value, tuple) else value
