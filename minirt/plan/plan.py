"""Plans: flat plain data, one per target and profile, that the runtime binds to sizes and runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from minirt.plan.launch import Launch, Spec, Unit
from minirt.types.dim import Dim
from minirt.types.tensor import Tensor


@dataclass(frozen=True)
class Buffer:
    """A piece of memory.

    ``kind`` is "input", "output" (given by the caller), "weight", "arena" or "dynamic"; "dynamic" buffers have no upper
    bound and are allocated when their size is known.  ``bytes`` is its size; ``offset`` its place in the arena (planned
    at the profile's upper bounds, so sizes that fit keep it); ``name`` the binding's name; ``weight`` the number of the
    weight (-1 where only packed copies are held).  ``host`` marks what the host must be able to read.
    """

    kind: str
    bytes: Dim
    offset: int = -1
    name: str = ""
    weight: int = -1
    host: bool = False


@dataclass(frozen=True)
class View:
    """A tensor in a buffer: byte offset, logical shape, strides in elements."""

    buffer: int
    type: Tensor
    offset: Dim
    strides: tuple[Dim, ...]


@dataclass(frozen=True)
class Choice:
    """Launches that run where ``guard`` is 1; the last choice of a step has guard 1."""

    guard: Dim
    kernel: str
    tactic: Spec = field(hash=False)
    launches: tuple[Launch, ...] = ()


@dataclass(frozen=True)
class KernelStep:
    """Run the first choice whose guard holds.

    ``stream`` numbers the stream that it runs on where it can run beside others; 0 is the caller's.
    ``bytes`` is the least that it must move: each element read and written once; ``flops`` is its matrix arithmetic.
    """

    label: str
    choices: tuple[Choice, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    stream: int = 0
    bytes: Dim = 0
    flops: Dim = 0


@dataclass(frozen=True)
class HostStep:
    """Compute a node's results on the host with NumPy: ``node`` is the op as text.

    Sizes that only the data tells are then known: ``dims`` names them, in the order of the op's own field.
    """

    label: str
    node: str
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class CallStep:
    """Call a user's plugin on addresses: ``node`` is the op as text, views are dense and row-major.

    ``work`` is the buffer of its scratch memory, -1 for none; ``tactic`` is the plugin's number of how to run.
    """

    label: str
    node: str
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    work: int = -1
    tactic: int = 0


@dataclass(frozen=True)
class ReadStep:
    """Copy a small tensor to the host and bind dims to its elements: ``dims[i]`` (or "") is element i.

    ``most`` bounds them, where it is not empty.
    """

    label: str
    source: View
    dims: tuple[str, ...]
    most: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class IfStep:
    """Run one of two plans by a bool read on the host; each takes ``reads`` and fills ``writes``."""

    label: str
    condition: View
    then: Plan
    otherwise: Plan
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoopStep:
    """Run a plan many times (ONNX Loop): body inputs are iteration, condition, carried values, captures.

    ``trip`` is the count (a view of one i64, or None for no limit), ``condition`` the first condition (or None).
    ``writes`` are the final carried values, then the stacked scan outputs.  ``count`` is how often the body runs, where
    dims alone tell (else None).
    """

    label: str
    body: Plan
    trip: View | None
    condition: View | None
    carried: tuple[View, ...]
    captures: tuple[View, ...]
    writes: tuple[View, ...]
    dims: tuple[str, ...] = ()
    count: Dim | None = None


Step = KernelStep | HostStep | CallStep | ReadStep | IfStep | LoopStep


@dataclass(frozen=True)
class Weight:
    """Constant data: blob ``blob`` of the engine (neutral layout), then packed by ``pack`` ("" for none)."""

    blob: str
    pack: str = ""
    spec: Spec = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """A stable text that tells packed copies apart."""
        return Unit(f"{self.blob} {self.pack}", self.spec).key


@dataclass(frozen=True)
class Binding:
    """A named input or output: its type, and where it lies."""

    name: str
    view: View


@dataclass(frozen=True)
class Plan:
    """What to run for one target and one range of sizes.

    ``ranges`` bounds each dim; ``checks`` are pairs of expressions that must agree at bind, with the node that needs
    it.  ``arena`` is the bytes that the arena takes at the upper bounds.
    """

    target: str
    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]
    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    weights: tuple[Weight, ...]
    arena: int
    ranges: dict[str, tuple[int, int]] = field(hash=False)
    checks: tuple[tuple[Dim, Dim, str], ...] = ()

    @property
    def streams(self) -> int:
        """How many streams its launches are spread over, beside that of the run."""
        return max((s.stream for s in self.steps if isinstance(s, KernelStep)), default=0)
