"""What an IAlgorithmSelector is asked: which of a layer's ways to run, each a kernel and a tactic, may be taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import index
from typing import Any

from minirt.api.boundary import call_back
from minirt.api.calibration import IAlgorithm, IAlgorithmContext, IAlgorithmSelector, IAlgorithmVariant
from minirt.api.dialect import in_dialect, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat
from minirt.build.select import Offer, Way
from minirt.build.tune import number_of
from minirt.errors import ApiError
from minirt.kernels.kernel import Operand, Problem
from minirt.types.dim import Dim
from minirt.types.evaluate import Evaluator

_FAILED = object()


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
    timing_msec: float
    workspace_size: int


@dataclass(frozen=True)
class _Context:
    name: str
    num_inputs: int
    num_outputs: int
    shapes: tuple[tuple[Dims, Dims, Dims], ...]


class Asking:
    """Asks a script's selector during the lowering for one profile.

    A layer's choices come best guess first. The order of what the script takes of them has no meaning: the fastest that
    is known is built, or else the first. A layer whose kernels run several times (copies of operands) is asked about
    each time, its name with a number behind.
    """

    def __init__(self, selector: IAlgorithmSelector, flags: set[str], dialect: int) -> None:
        self.selector, self.dialect = selector, dialect
        self.must_take = bool({"REJECT_EMPTY_ALGORITHMS", "STRICT_TYPES"} & flags)
        self.seen: Counter[str] = Counter()
        self.contexts: list[IAlgorithmContext] = []
        self.offered: list[IAlgorithm] = []
        self.chosen: list[IAlgorithm] = []

    def select(self, label: str, offered: Sequence[Offer]) -> Sequence[int]:
        """The places that the script's `select_algorithms` gives; raises ApiError where it fails or gives others."""
        self.seen[label] += 1
        name = label if self.seen[label] == 1 else f"{label} ({self.seen[label]})"
        context = wrap(IAlgorithmContext, _context(name, offered[0].chosen.problem), self.dialect)  # type: ignore[arg-type]
        self.offered = [wrap(IAlgorithm, self._algorithm(offer), self.dialect) for offer in offered]
        self.contexts.append(context)
        said = call_back(self.selector, "select_algorithms", _FAILED, context, list(self.offered))
        if said is _FAILED:
            raise ApiError("select_algorithms of the algorithm selector failed", name, "its traceback is on stderr")
        taken = _places(said, len(offered), name)
        if not taken and self.must_take:
            fix = "return the places of some choices, or clear REJECT_EMPTY_ALGORITHMS"
            raise ApiError("the algorithm selector took no choice", name, fix)
        return taken

    def took(self, place: int) -> None:
        """Keep what is built of the choices offered last, to report it."""
        self.chosen.append(self.offered[place])

    def end(self) -> None:
        """Tell the script's `report_algorithms` what is built for each layer; raises ApiError where that fails."""
        base = in_dialect(IAlgorithmSelector, self.dialect)
        name = "report_algorithms"
        if getattr(type(self.selector), name, None) is getattr(base, name, None):
            return
        if call_back(self.selector, name, _FAILED, self.contexts, self.chosen) is _FAILED:
            raise ApiError(f"{name} of the algorithm selector failed", "the build", "its traceback is on stderr")

    def _algorithm(self, offer: Offer) -> _Algorithm:
        chosen = offer.chosen
        way = Way(chosen.kernel, chosen.tactic)
        numbers = _Variant(_number(chosen.kernel.name), number_of(way) >> 1)
        at = Evaluator(_sizes(chosen.problem)[1])
        linear = member(TensorFormat, "LINEAR", self.dialect)
        places = tuple(
            _Place(member(DataType, o.type.dtype.trt or "FLOAT", self.dialect), _dims(o.strides, at), linear)
            for o in _operands(chosen.problem)
        )
        variant = wrap(IAlgorithmVariant, numbers, self.dialect)
        return _Algorithm(variant, places, (offer.us or 0.0) / 1e3, offer.workspace)


def _places(said: Any, count: int, name: str) -> list[int]:
    """Return the places that a script gave; raises ApiError for what are none."""
    try:
        taken = [index(place) for place in said or ()]
    except TypeError as error:
        raise ApiError(f"select_algorithms returned {said!r}", name, "return a list of ints") from error
    for place in taken:
        if not 0 <= place < count:
            fix = f"return places of 0 to {count - 1}, or [] for the default"
            raise ApiError(f"select_algorithms returned {place}, and {count} choices were offered", name, fix)
    return taken


def _operands(problem: Problem) -> Sequence[Operand]:
    return (*problem.inputs, *problem.outputs)


def _context(name: str, problem: Problem) -> _Context:
    sizes = [Evaluator(found) for found in _sizes(problem)]
    shapes = tuple(tuple(_dims(o.shape, at) for at in sizes) for o in _operands(problem))
    return _Context(name, len(problem.inputs), len(problem.outputs), shapes)  # type: ignore[arg-type]


def _sizes(problem: Problem) -> Sequence[Mapping[str, int]]:
    """Return the sizes of the dims at the profile's least, usual and greatest shapes, where it has them."""
    known = {name: ends for name, ends in problem.ranges.items() if ends[1] < 1 << 40}
    least, most = ({name: ends[side] for name, ends in known.items()} for side in (0, 1))
    return least, {**most, **problem.optimum}, most


def _dims(values: Sequence[Dim], at: Evaluator) -> Dims:
    known = [at(value) for value in values]
    return Dims([value if isinstance(value, int) else -1 for value in known])


def _number(text: str) -> int:
    """Return a number that stays the same for a name: 31 bits of its SHA-256."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") >> 1
