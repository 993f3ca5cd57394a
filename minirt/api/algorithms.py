"""What an IAlgorithmSelector hears of a build: the kernel and the tactic that each step of the plan has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from minirt.api.boundary import call_back
from minirt.api.calibration import IAlgorithm, IAlgorithmContext, IAlgorithmSelector, IAlgorithmVariant
from minirt.api.dialect import wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat
from minirt.build.load import Package
from minirt.build.options import Profile
from minirt.errors import ApiError
from minirt.kernels.kernel import Target
from minirt.plan.plan import KernelStep, Plan, View
from minirt.types.dim import Dim, Expr
from minirt.types.evaluate import Evaluator


@dataclass(frozen=True)
class _Variant:
    implementation: int
    tactic: int


@dataclass(frozen=True)
class _Place:
    dtype: Any
    strides: Dims
    tensor_format: Any
    components_per_element: int = 1
    vectorized_dim: int = -1


@dataclass(frozen=True)
class _Algorithm:
    algorithm_variant: IAlgorithmVariant
    places: tuple[_Place, ...]
    timing_msec: float = 0.0
    workspace_size: int = 0


@dataclass(frozen=True)
class _Context:
    name: str
    num_inputs: int
    num_outputs: int
    shapes: tuple[tuple[Dims, Dims, Dims], ...]


def tell_selector(selector: IAlgorithmSelector, data: bytes, target: Target, flags: set[str], dialect: int) -> None:
    """Offer each step's kernel and tactic to a selector, then report them; profile 0's are told.

    The build has chosen by then, so that a step has one choice, and to take none changes nothing. Raises ApiError where
    the selector takes none and REJECT_EMPTY_ALGORITHMS is set.
    """
    package = Package(data)
    plan = package.stored_plan(f"{target.name}/0")
    sizes = [Evaluator(found) for found in _sizes(plan, package.profiles[0])]
    seen: Counter[str] = Counter()
    contexts, choices = [], []
    for step in (step for step in plan.steps if isinstance(step, KernelStep)):
        seen[step.label] += 1
        name = step.label if seen[step.label] == 1 else f"{step.label} ({seen[step.label]})"
        views = (*step.reads, *step.writes)
        shapes = tuple(tuple(_dims(view.type.shape, at) for at in sizes) for view in views)
        context = wrap(IAlgorithmContext, _Context(name, len(step.reads), len(step.writes), shapes), dialect)  # type: ignore[arg-type]
        choice = wrap(IAlgorithm, _algorithm(step, views, sizes[1], dialect), dialect)
        taken = call_back(selector, "select_algorithms", [0], context, [choice])
        if not list(taken or []) and "REJECT_EMPTY_ALGORITHMS" in flags:
            raise ApiError(
                "the algorithm selector took no choice", name, "return [0], or clear REJECT_EMPTY_ALGORITHMS"
            )
        contexts.append(context)
        choices.append(choice)
    call_back(selector, "report_algorithms", None, contexts, choices)


def _sizes(plan: Plan, profile: Profile) -> list[dict[str, int]]:
    """Return the sizes of the dims at a profile's least, usual and greatest shapes."""
    found: list[dict[str, int]] = [{}, {}, {}]
    for binding in plan.inputs:
        for number, shape in enumerate(profile.shapes.get(binding.name, ())):
            found[number] |= {
                str(d): n for d, n in zip(binding.view.type.shape, shape, strict=True) if isinstance(d, Expr)
            }
    return found


def _dims(values: Sequence[Dim], at: Evaluator) -> Dims:
    known = [at(value) for value in values]
    return Dims([value if isinstance(value, int) else -1 for value in known])


def _algorithm(step: KernelStep, views: Sequence[View], at: Evaluator, dialect: int) -> _Algorithm:
    chosen = step.choices[-1]
    tactic = json.dumps({name: str(value) for name, value in chosen.tactic.items()}, sort_keys=True)
    variant = wrap(IAlgorithmVariant, _Variant(_number(chosen.kernel), _number(tactic)), dialect)
    linear = member(TensorFormat, "LINEAR", dialect)
    places = [
        _Place(member(DataType, view.type.dtype.trt or "FLOAT", dialect), _dims(view.strides, at), linear)
        for view in views
    ]
    return _Algorithm(variant, tuple(places))


def _number(text: str) -> int:
    """Return a number that stays the same for a name: 31 bits of its SHA-256."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") >> 1
