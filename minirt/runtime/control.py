"""Control flow at run time: branches, loops, and loops written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from minirt.plan.launch import Address, Launch
from minirt.plan.plan import IfStep, LoopStep, Plan, View
from minirt.runtime.backend import Backend, Manner, Memory, Segment
from minirt.runtime.frame import Frame
from minirt.runtime.groups import Group
from minirt.runtime.turns import Turns, scalars
from minirt.runtime.unroll import Places, body_launches, iterations
from minirt.types.dim import Expr
from minirt.types.dtype import Array
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

Shape = tuple[int, ...]


@dataclass
class Result:
    """An output: where it lies, its shape, and what keeps its memory."""

    address: int
    shape: tuple[int, ...]
    memory: Memory | None = None


class Owner(Protocol):
    """The executor of the plan that holds the control flow."""

    backend: Backend
    frame: Frame
    results: tuple[dict[str, Memory], dict[str, Memory]]
    plan: Plan
    manner: Manner

    @property
    def launches_only(self) -> bool:
        """True where the plan is one list of launches."""
        ...

    def segments(self) -> Iterator[tuple[Group, Segment]]:
        """What kernels did in the run before, group by group."""
        ...

    def place(self, view: View) -> Result:
        """Where a view lies now."""
        ...

    def array(self, view: View, stream: int) -> Array:
        """A view's elements on the host."""
        ...

    def store(self, view: View, array: Array, stream: int) -> None:
        """Write elements into a view."""
        ...

    def define(
        self, dims: Sequence[str], types: Sequence[Tensor], shapes: Sequence[tuple[int, ...]], label: str
    ) -> None:
        """Learn dims that only the data tells."""
        ...

    def child(self, plan: Plan) -> Owner:
        """The executor of a sub-plan."""
        ...

    def call(self, plan: Plan, inputs: Sequence[Result], outputs: Mapping[str, int], stream: int) -> list[Result]:
        """Run a sub-plan."""
        ...

    def sizes(self, shapes: Mapping[str, Sequence[int]], known: Mapping[str, int] | None = None) -> dict[str, int]:
        """Sizes of the dims for input shapes."""
        ...

    def bind(self, sizes: dict[str, int]) -> None:
        """Make these the sizes of the next runs."""
        ...

    def address(self, buffer: int) -> int:
        """Where a buffer starts now."""
        ...

    def outside(self, buffer: int) -> bool:
        """True for the caller's buffers."""
        ...

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """Where a buffer starts and ends; None for what is never written."""
        ...


def unrolled(executor: Owner, step: LoopStep, number: int) -> list[tuple[str, Launch]]:
    """The loop's launches, every iteration's, with addresses as they are now.

    On the host those of the caller's buffers are patched in the launches; elsewhere the launches are written anew.
    """
    frame = executor.frame
    count = Evaluator(frame.sizes).integer(0 if step.count is None else step.count)
    child = executor.child(step.body)
    captures, state = [executor.place(v) for v in step.captures], [executor.place(v) for v in step.carried]
    finals = [executor.place(w) for w in step.writes]
    for view in (*step.captures, *step.carried, *step.writes):
        if executor.outside(view.buffer) and not executor.backend.host_memory:
            frame.baked.setdefault(view.buffer, set()).add(number)
    names = [b.name for b in step.body.inputs]
    shapes = dict(zip(names, [(), (), *(r.shape for r in (*state, *captures))], strict=True))
    child.bind(child.sizes(shapes, frame.sizes))
    counter = executor.backend.allocate(8 * count + 8)
    executor.backend.write(counter.address, np.arange(count + 1, dtype=np.int64), 0)
    go = executor.backend.allocate(8)
    executor.backend.write(go.address, np.ones(8, np.uint8), 0)
    buffers_in = [b.view.buffer for b in step.body.inputs]
    buffers_out = [b.view.buffer for b in step.body.outputs]
    fixed = {c.view.buffer: r.address for c, r in zip(step.body.inputs[2 + len(state) :], captures, strict=True)}
    addresses, places = [r.address for r in state], []
    for i in range(count):
        given = fixed | {
            buffers_in[0]: counter.address + 8 * i,
            buffers_in[1]: go.address,
            buffers_out[0]: go.address + 4,
        }
        given |= dict(zip(buffers_in[2 : 2 + len(state)], addresses, strict=True))
        fresh = _fresh_outputs(executor, step.body, i)
        last = i == count - 1
        addresses = [
            finals[k].address if last else fresh[b.name] for k, b in enumerate(step.body.outputs[1 : 1 + len(state)])
        ]
        given |= dict(zip(buffers_out[1 : 1 + len(state)], addresses, strict=True))
        for k, view in enumerate(step.writes[len(state) :], len(state)):
            piece = view.type.dtype.nbytes(int(np.prod(finals[k].shape[1:])))
            given[buffers_out[1 + k]] = finals[k].address + i * piece
        places.append(Places(child.address, given, _lent(executor, step, given, 0 < i, not last)))
    launches = body_launches(step.body, child.frame.sizes)
    written = iterations(launches, Evaluator(child.frame.sizes), places)
    frame.kept[number, step.label] = [counter, go, *child.frame.dynamic.values()]
    return written


def _lent(executor: Owner, step: LoopStep, given: Mapping[int, int], later: bool, more: bool) -> dict[int, Address]:
    """Which of a body's buffers lie in one of the caller's in an iteration, on the host, whose launches are patched.

    State does in the first iteration (not in ``later`` ones), and results in the last (where no ``more`` follow).
    """
    if not executor.backend.host_memory:
        return {}
    carried = len(step.carried)
    starts = [*step.captures] if later else [*step.carried, *step.captures]
    ends = step.writes[carried:] if more else step.writes
    inside = [*step.body.inputs[2 + carried * later :], *step.body.outputs[1 + carried * more :]]
    return {
        body.view.buffer: Address("buffer", view.buffer, given[body.view.buffer] - executor.address(view.buffer))
        for body, view in zip(inside, (*starts, *ends), strict=True)
        if executor.outside(view.buffer)
    }


def run_if(executor: Owner, step: IfStep, stream: int) -> None:
    """Read the condition and run the branch that it takes."""
    taken = step.then if bool(executor.array(step.condition, stream).reshape(-1)[0]) else step.otherwise
    outputs = {}
    if not step.dims:
        outputs = {b.name: executor.place(w).address for b, w in zip(taken.outputs, step.writes, strict=True)}
    results = executor.call(taken, [executor.place(v) for v in step.reads], outputs, stream)
    if step.dims:
        executor.define(step.dims, [w.type for w in step.writes], [r.shape for r in results], step.label)
        for view, result in zip(step.writes, results, strict=True):
            nbytes = view.type.dtype.nbytes(int(np.prod(result.shape)))
            executor.backend.copy(executor.place(view).address, result.address, nbytes, stream)


def run_loop(executor: Owner, step: LoopStep, stream: int) -> None:
    """Run the body until the trip count is reached or the condition is false, one call an iteration."""
    trip = int(executor.array(step.trip, stream).reshape(-1)[0]) if step.trip is not None else None
    go = bool(executor.array(step.condition, stream).reshape(-1)[0]) if step.condition is not None else True
    backend, executor.frame.untold = executor.backend, step.dims
    number, condition = scalars(backend, executor.frame, step.label)
    head = [Result(number.address, ()), Result(condition.address, ())]
    captures = [executor.place(v) for v in step.captures]
    state = [executor.place(v) for v in step.carried]
    scans: list[list[Array]] = [[] for _ in step.writes[len(state) :]]
    turns = Turns[Result](executor.child(step.body), len(state))
    tell = _teller(backend, number, condition, stream)
    places: dict[int, dict[str, int]] = {}
    count = 0
    while go and (trip is None or count < trip):
        tell(count, go)
        if (turn := turns.following()) is None:
            if count % 2 not in places:
                places[count % 2] = _fresh_outputs(executor, step.body, count)
            memory = places[count % 2]
            inputs = [*head, *state, *captures]
            turn = turns.find(inputs, memory)
        if turn is not None:
            turn.run(stream)
            state, go = turn.state, bool(turn.go[0])
            for kept, part in zip(scans, turn.scans, strict=True):
                kept.append(part.copy())
            count += 1
            continue
        places.clear()  # a body that runs in full may move its results
        results = executor.call(step.body, inputs, memory, stream)
        go = bool(backend.read(results[0].address, 1, stream)[0])
        turns.keep(inputs, memory, results)
        state = results[1 : 1 + len(state)]
        for kept, result, view in zip(scans, results[1 + len(state) :], step.writes[len(state) :], strict=True):
            nbytes = view.type.dtype.nbytes(int(np.prod(result.shape)))
            data = np.array(backend.read(result.address, nbytes, stream))
            kept.append(data.view(view.type.dtype.numpy).reshape(result.shape))
        count += 1
    executor.frame.untold = ()
    _finish_loop(executor, step, state, scans, stream)


def _teller(backend: Backend, number: Memory, condition: Memory, stream: int) -> Callable[[int, bool], None]:
    """What writes the number of an iteration, and whether it is to run, to where a body reads them."""
    if backend.host_memory:
        numbers = backend.read(number.address, 8, stream).view(np.int64)
        flags = backend.read(condition.address, 1, stream)

        def here(count: int, go: bool) -> None:
            numbers[0], flags[0] = count, go

        return here

    def there(count: int, go: bool) -> None:
        backend.write(number.address, np.array([count], np.int64), stream)
        backend.write(condition.address, np.array([go]), stream)

    return there


def _fresh_outputs(executor: Owner, body: Plan, count: int) -> dict[str, int]:
    """Addresses for this iteration's results: two sets in turn, so that none overwrites its inputs."""
    held = executor.child(body).results[count % 2]
    out: dict[str, int] = {}
    evaluate = Evaluator(executor.frame.sizes)
    for binding in body.outputs:
        if binding.name in held:  # room for the most is kept in scratch memory
            out[binding.name] = held[binding.name].address
            continue
        size = evaluate(body.buffers[binding.view.buffer].bytes)
        if isinstance(size, Expr):
            continue
        key = f"{binding.name}: {size}"  # one for each size: segments of other sizes keep their addresses
        if key not in held:
            held[key] = executor.backend.allocate(max(8, int(size)))
        out[binding.name] = held[key].address
    return out


def _finish_loop(
    executor: Owner, step: LoopStep, state: Sequence[Result], scans: Sequence[list[Array]], stream: int
) -> None:
    stacked = []
    evaluate = Evaluator(executor.frame.sizes)
    for view, kept in zip(step.writes[len(state) :], scans, strict=True):
        inner = tuple(0 if isinstance(n, Expr) else int(n) for n in map(evaluate, view.type.shape[1:]))
        stacked.append(np.stack(kept) if kept else np.empty((0, *inner), view.type.dtype.numpy))
    if step.dims:
        shapes = [r.shape for r in state] + [s.shape for s in stacked]
        executor.define(step.dims, [w.type for w in step.writes], shapes, step.label)
    for view, result in zip(step.writes, state, strict=False):
        nbytes = view.type.dtype.nbytes(int(np.prod(result.shape)))
        executor.backend.copy(executor.place(view).address, result.address, nbytes, stream)
    for view, array in zip(step.writes[len(state) :], stacked, strict=True):
        executor.store(view, array, stream)
