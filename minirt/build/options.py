"""What a build is asked for: targets, ranges of sizes, permitted precisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from minirt.build.select import Selector
from minirt.build.tuning import Tuning
from minirt.errors import ShapeError
from minirt.ir.graph import Graph, Input
from minirt.kernels.kernel import Target
from minirt.trace import Progress, no_progress
from minirt.types.dim import Dim, Expr, symbols
from minirt.types.tensor import Tensor

UNBOUNDED = 1 << 62
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Profile:
    """Least, best and greatest shape of each dynamic input, and numbers of inputs that hold sizes, by name."""

    shapes: Mapping[str, tuple[Shape, Shape, Shape]] = field(default_factory=dict)
    values: Mapping[str, tuple[Shape, Shape, Shape]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.shapes.items())), tuple(sorted(self.values.items()))))


def in_range(numbers: Sequence[int], limits: tuple[Shape, Shape, Shape]) -> bool:
    """True where as many numbers as a profile bounds are each from its least to its greatest."""
    low, _, high = limits
    return len(numbers) == len(low) and all(a <= n <= b for a, n, b in zip(low, numbers, high, strict=True))


@dataclass(frozen=True)
class Options:
    """A build's options.

    ``permitted`` names types that float32 work may be done in ("f16", "bf16"); ``tf32`` lets matrix products of float32
    use TF32 on tensor cores; ``verbosity`` is what the engine tells of its layers ("NONE", "LAYER_NAMES_ONLY",
    "DETAILED").  ``strip`` leaves the numbers of refittable weights out; ``streaming`` lets weights lie on the host.
    ``wide`` are layers that stay in float32; ``unfused`` are debug tensors that nobody named;
    ``metadata`` is what is told of layers, by name.
    ``formats`` are those of inputs and outputs that are not row-major, by name: format and channels.
    ``workspace`` is the most bytes of scratch memory that a node may take, ``shared`` those of shared memory that a
    launch may ask for, 0 for no limit; ``streams`` the most streams that an engine uses beside the caller's, -1 for as
    many as pay.
    From ``level`` 3 on tactics are timed, as ``tuning`` says.
    ``hosted`` are outputs whose numbers the host reads as sizes (`mark_output_for_shapes`).
    With ``debug`` each layer is waited for, and an error names it.
    ``selector`` makes who says which ways to run a node may be taken, for a profile.
    """

    targets: tuple[Target, ...]
    profiles: tuple[Profile, ...] = (Profile(),)
    permitted: tuple[str, ...] = ()
    tf32: bool = True
    name: str = ""
    level: int = 3
    progress: Progress = no_progress
    verbosity: str = "LAYER_NAMES_ONLY"
    strip: bool = False
    streaming: bool = False
    tuning: Tuning = Tuning()
    formats: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    wide: tuple[str, ...] = ()
    unfused: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    workspace: int = 0
    shared: int = 0
    streams: int = -1
    debug: bool = False
    selector: Callable[[int], Selector] | None = None
    hosted: tuple[str, ...] = ()


def ranges_of(graph: Graph, profile: Profile) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """The range and the best size of each dim of the inputs; raises ShapeError naming the input that does not fit."""
    ranges: dict[str, tuple[int, int]] = {}
    best: dict[str, int] = {}
    for value in graph.inputs:
        assert isinstance(value.op, Input)
        if not isinstance(value.type, Tensor):
            continue
        name = value.op.label
        given = profile.shapes.get(name)
        if given is not None and any(len(s) != value.rank for s in given):
            raise ShapeError(f"profile shapes {given} do not have the rank of {value.type}", f"input {name!r}")
        for axis, dim in enumerate(value.shape):
            _take(dim, tuple(s[axis] for s in given) if given else None, ranges, best, f"input {name!r} axis {axis}")
        numbers = profile.values.get(name)
        for place, dim in enumerate(value.op.values):
            _take(
                dim, tuple(s[place] for s in numbers) if numbers else None, ranges, best, f"number {place} of {name!r}"
            )
    return ranges, best


def _take(
    dim: Dim, sizes: Sequence[int] | None, ranges: dict[str, tuple[int, int]], best: dict[str, int], where: str
) -> None:
    if not isinstance(dim, Expr):
        if sizes is not None and any(s != dim for s in sizes):
            raise ShapeError(f"the profile asks for {tuple(sizes)}, the network fixes {dim}", where)
        return
    if str(dim) not in symbols(dim):
        for name in symbols(dim):
            ranges.setdefault(name, (0, UNBOUNDED))
        return
    lo, opt, hi = sizes if sizes is not None else (0, -1, UNBOUNDED)
    if not lo <= (opt if opt >= 0 else lo) <= hi:
        raise ShapeError(f"the profile's sizes {tuple(sizes or ())} are not in the order least, best, greatest", where)
    had = ranges.get(str(dim), (0, UNBOUNDED))
    ranges[str(dim)] = (max(had[0], lo), min(had[1], hi))
    if ranges[str(dim)][0] > ranges[str(dim)][1]:
        raise ShapeError(f"dim {dim} has no size that suits every input: {ranges[str(dim)]}", where)
    if opt >= 0:
        best.setdefault(str(dim), opt)
