"""Weights that are asked for while the steps between two products of a few rows leave the memory idle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minirt.kernels.cuda.matrix_source import element_bytes, product_args
from minirt.plan.launch import Address, Integer, Launch, Unit
from minirt.plan.plan import KernelStep, Step

_LINE = 128


def fetching(steps: Sequence[Step], most: int) -> list[Step]:
    """The steps, where a product of a few rows asks, at its end, for up to ``most`` bytes of weights.

    They are those of the product after the next one, where other steps lie before that (queries, then attention, then
    the way out of it, then the wider net): the next one's blocks ask for its own weights as they wait.
    """
    made = list(steps)
    places = [i for i, s in enumerate(steps) if most and _fixed(s) is not None]
    for here, then, after in zip(places, places[1:], places[2:], strict=False):
        step, wanted = steps[here], _fixed(steps[after])
        between = steps[here + 1 : then]
        if between and after == then + 1 and all(isinstance(s, KernelStep) for s in between):
            assert isinstance(step, KernelStep) and wanted is not None
            address, size = wanted
            made[here] = _asking(step, address, min(size, most) // _LINE)
    return made


def _fixed(step: Step) -> tuple[Address, int] | None:
    """Where a product of a few rows has its fixed matrix, and its bytes; None for other steps."""
    launch = _launch(step)
    spec = launch.unit.spec if launch is not None else {}
    if launch is None or spec.get("method") != "gemv" or not spec["ahead"]:
        return None
    names = [name for name, _ in product_args(spec)]
    b, n, row = (launch.args[names.index(name)] for name in ("b", "n", "ldb"))
    if not isinstance(b, Address) or not isinstance(n, Integer) or not isinstance(row, Integer):
        return None
    if not isinstance(n.value, int) or not isinstance(row.value, int):
        return None
    return b, n.value * row.value * element_bytes(spec["dtype"])


def _launch(step: Step) -> Launch | None:
    single = isinstance(step, KernelStep) and len(step.choices) == 1 and len(step.choices[0].launches) == 1
    return step.choices[0].launches[0] if single and isinstance(step, KernelStep) else None


def _asking(step: KernelStep, address: Address, lines: int) -> KernelStep:
    launch, choice = step.choices[0].launches[0], step.choices[0]
    unit = Unit(launch.unit.kernel, {**launch.unit.spec, "next": True})
    asking = replace(launch, unit=unit, args=(*launch.args, address, Integer(lines, 32)))
    return replace(step, choices=(replace(choice, launches=(asking,)),))
