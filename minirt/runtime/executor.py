"""The executor: a plan bound to sizes and addresses, and run."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from minirt.errors import ApiError, MinirtError, ShapeError
from minirt.flags import flags
from minirt.plan.launch import Launch
from minirt.plan.plan import Binding, CallStep, HostStep, IfStep, KernelStep, LoopStep, Plan, ReadStep, View
from minirt.runtime.backend import Backend, Manner, Memory, Segment
from minirt.runtime.calls import Attached, attached, run_call
from minirt.runtime.control import Result, run_if, run_loop, unrolled
from minirt.runtime.frame import Frame
from minirt.runtime.groups import Group, groups_of
from minirt.runtime.host import compute, dense_strides, span, strided
from minirt.runtime.repeat import Key, Repeat, find, keep
from minirt.runtime.replay import check_recordable, replay
from minirt.runtime.running import run_groups
from minirt.runtime.scratch import rest, results_in
from minirt.runtime.sizes import check, solve
from minirt.runtime.streaming import Ring, working_bytes
from minirt.runtime.unroll import MAX_LAUNCHES, NOWHERE
from minirt.types.dim import symbol, symbols
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor

KEPT_FRAMES = 8
ALIGNED = 16
"""Bytes on which kernels of a device may assume that a buffer starts."""


class Executor:
    """Runs one plan for one context; not safe for two threads at once.

    ``replays`` lets it record a run with plugins as one graph.

    ``weights[i]`` is the memory of weight i, ``arena`` the memory that it works in, `working_bytes` of it;
    ``children`` holds the executors of sub-plans by their identity. ``manner`` is how it uses streams: by default with
    streams of its own.
    """

    replays = True

    def __init__(
        self, plan: Plan, backend: Backend, weights: Mapping[str, Memory], arena: Memory | None = None,
        manner: Manner | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.backend = plan, backend
        self.manner = manner or Manner(backend.streams(plan.streams))
        self._weights = [weights[w.key] for w in plan.weights]
        self._store = weights
        self._ring = Ring(plan, self._weights)
        self._arena = arena or backend.allocate(working_bytes(plan, self._ring.nbytes))
        self._frames: OrderedDict[tuple[int, ...], Frame] = OrderedDict()
        self._groups = groups_of(plan)
        self._children: dict[int, Executor] = {}
        self.attached: dict[int, Attached] = {}
        self.resources: object = None
        """What the owner has for plugins."""
        self.frame = Frame({})
        self._recording = False
        self.results: tuple[dict[str, Memory], dict[str, Memory]] = ({}, {})
        self._input_types = {b.name: b.view.type for b in plan.inputs}
        self._names = [b.name for b in plan.inputs], [b.name for b in plan.outputs]
        self._native = all(g.native for g in self._groups) and not backend.host_memory
        self.repeat: Repeat | None = None
        """The last run, where it can be put on a stream again as it was."""

    # Sizes

    def sizes(self, shapes: Mapping[str, Sequence[int]], known: Mapping[str, int] | None = None) -> dict[str, int]:
        """Sizes of the dims for input shapes; raises ShapeError where they do not fit the plan."""
        found = solve(self._input_types, shapes, known or {})
        check(self.plan, found)
        return found

    def bind(self, sizes: dict[str, int]) -> None:
        """Make these the sizes of the next runs."""
        key = tuple(sizes.values())
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = Frame(dict(sizes))
            while len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        self.frame = frame

    # Running

    def run(self, inputs: Mapping[str, int], outputs: Mapping[str, int], stream: int = 0) -> dict[str, Result]:
        """Run with addresses by name; outputs without an address get memory of their own.

        Raises ApiError on a stream that is capturing for what cannot be recorded there: host work and new memory.
        """
        key: Key = (*(inputs[n] for n in self._names[0]), *(outputs.get(n) for n in self._names[1]))
        self._recording = self.backend.capturing(stream)
        if self._recording:
            waits = [g for g in self._groups if not (isinstance(g.steps[0], CallStep) or (g.native and self._short(g)))]
            check_recordable([g.steps[0].label for g in waits], [n for n in self._names[1] if n not in outputs])
        elif (found := find(self.frame, key)) is not None and found(stream):
            self.repeat = found
            return found.results
        return self._run(inputs, outputs, key, stream)

    def _run(self, inputs: Mapping[str, int], outputs: Mapping[str, int], key: Key, stream: int) -> dict[str, Result]:
        """Run in full."""
        self.repeat = None
        direct = self._native and self.replays and not self._recording and None not in key and not self.manner.done
        for binding in self.plan.inputs:
            address = inputs[binding.name]
            if address % ALIGNED and not self.backend.host_memory:
                address, direct = self._staged(binding, address, stream), False
            self._give(binding.view.buffer, address)
        late: list[tuple[Binding, int]] = []
        for binding in self.plan.outputs:
            given = outputs.get(binding.name)
            if given is None or (given % ALIGNED and not self.backend.host_memory):
                self._take_back(binding.view.buffer, given is None)
                late += [(binding, given)] if given is not None else []
            else:
                self._give(binding.view.buffer, given)
        if not (self._recordable() and replay(self, self._run_recorded, stream)):
            self._run_groups(stream)
        for binding, address in late:
            size = self.frame.evaluate.integer(self.plan.buffers[binding.view.buffer].bytes)
            self.backend.copy(address, self.address(binding.view.buffer), size, stream)
        results = {b.name: self._result(b.view, outputs.get(b.name)) for b in self.plan.outputs}
        if direct and not late:
            parts = [self._segment(number, group).repeat() for number, group in enumerate(self._groups)]
            if (ready := [p for p in parts if p is not None]) and len(ready) == len(parts):
                again = self.backend.again(ready, self.manner.name)
                made = Repeat(again, results, {**inputs, **outputs}, self.manner)
                self.repeat = keep(self.frame, key, made)
        return results

    def _run_groups(self, stream: int) -> None:
        run_groups(self._groups, self._run_group, self.backend, self.manner, stream, recording=self._recording)

    @property
    def launches_only(self) -> bool:
        """True where all of the plan is one list of launches, so that they alone read what the caller lends."""
        return len(self._groups) == 1 and self._groups[0].native and not self._groups[0].loop

    def segments(self) -> Iterator[tuple[Group, Segment]]:
        """What kernels did in the run before, group by group, bound to its sizes and addresses."""
        if self.repeat is not None:  # segments may have been given other addresses before it
            for binding in (*self.plan.inputs, *self.plan.outputs):
                self._give(binding.view.buffer, self.repeat.addresses[binding.name])
        for number, group in enumerate(self._groups):
            if group.native and self._short(group):
                yield group, self._segment(number, group)

    def _run_recorded(self, stream: int) -> None:
        self._recording = True
        try:
            self._run_groups(stream)
        finally:
            self._recording = False

    def _recordable(self) -> bool:
        """True where there are plugins, all of them may be recorded, and nothing else needs the host."""
        calls = [g.steps[0] for g in self._groups if isinstance(g.steps[0], CallStep)]
        if not calls or self._recording or self.backend.host_memory or not self.replays or not flags().cuda_graph:
            return False
        if self.manner.done is not None:
            return False
        native = all(isinstance(g.steps[0], CallStep) or (g.native and self._short(g)) for g in self._groups)
        return native and all(attached(self, step).runner.capturable for step in calls)

    def _staged(self, binding: Binding, address: int, stream: int) -> int:
        """Aligned memory with an input's numbers: kernels read and write 16 bytes at a time."""
        buffer = binding.view.buffer
        size = self.frame.evaluate.integer(self.plan.buffers[buffer].bytes)
        if buffer not in self.frame.staged:
            self._may_allocate(size)
            self.frame.staged[buffer] = self.backend.allocate(size)
        staged = self.frame.staged[buffer].address
        self.backend.copy(staged, address, size, stream)
        return staged

    def _may_allocate(self, size: int) -> None:
        if self._recording:
            what = f"{size} bytes must be allocated for these sizes, on a stream that is capturing"
            raise ApiError(what, fix="run once with these sizes and addresses before the capture")

    def _take_back(self, buffer: int, fresh: bool = True) -> None:
        """An output gets memory of its own in this run, where ``fresh`` memory that no earlier result has."""
        self.frame.repeats.clear()
        known = self.frame.outside.pop(buffer, None)
        if fresh:
            self.frame.dynamic.pop(buffer, None)
        elif known is not None and buffer in self.frame.dynamic:
            self._patch(buffer, self.frame.dynamic[buffer].address)

    def _give(self, buffer: int, address: int) -> None:
        if self.frame.outside.get(buffer) != address:
            self.frame.outside[buffer] = address
            self._patch(buffer, address)

    def _patch(self, buffer: int, address: int) -> None:
        for number in self.frame.baked.pop(buffer, ()):
            self.frame.segments.pop(number, None)
            self.frame.repeats.clear()
        for _, segment in self.frame.segments.values():
            segment.patch(buffer, address)

    def _result(self, view: View, given: int | None) -> Result:
        if given is not None:
            return Result(given, self._shape(view))
        return Result(self.address(view.buffer), self._shape(view), self.frame.dynamic.get(view.buffer))

    def _run_group(self, number: int, group: Group, stream: int) -> None:
        step = group.steps[0]
        if group.native and self._short(group):
            self._segment(number, group).run(stream)
        elif isinstance(step, CallStep):
            run_call(self, step, stream)
        elif isinstance(step, HostStep):
            self._host(step, stream)
        elif isinstance(step, ReadStep):
            self._read(step, stream)
        elif isinstance(step, IfStep):
            run_if(self, step, stream)
        elif isinstance(step, LoopStep):
            run_loop(self, step, stream)
        else:
            raise MinirtError(f"step {step.label!r} holds too many launches to be bound")

    def _short(self, group: Group) -> bool:
        """True where no loop of the group is empty, too long to be written out, or writes where kernels cannot."""
        if not group.loop:
            return True
        evaluate = self.frame.evaluate
        loops = [s for s in group.steps if isinstance(s, LoopStep)]
        return all(
            0 < evaluate.integer(0 if s.count is None else s.count) * len(s.body.steps) <= MAX_LAUNCHES
            and self._aligned(s)
            for s in loops
        )

    def _aligned(self, step: LoopStep) -> bool:
        """True where every tensor of every iteration starts where kernels may assume that tensors start."""
        if self.backend.host_memory:
            return True
        views, scans = (*step.captures, *step.carried, *step.writes), step.writes[len(step.carried) :]
        places = [self.frame.evaluate.integer(v.offset) for v in views]
        places += [v.type.dtype.nbytes(math.prod(self._shape(v)[1:])) for v in scans]
        return not any(place % ALIGNED for place in places)

    def _segment(self, number: int, group: Group) -> Segment:
        frame = self.frame
        key = tuple(frame.sizes.get(n) for n in sorted(group.needs))
        for buffer in group.fills:
            self.address(buffer)  # an output that was taken back gets its new memory, and segments are told
        kept = frame.segments.get(number)
        if kept is not None and kept[0] == key:
            return kept[1]
        evaluate = frame.evaluate
        launches: list[tuple[str, Launch]] = []
        lanes: list[int] = []
        for step in group.steps:
            if isinstance(step, LoopStep):
                self._may_allocate(8)
                launches.extend(unrolled(self, step, number))
                continue
            assert isinstance(step, KernelStep)
            taken = next(c for c in step.choices if evaluate(c.guard))
            launches.extend((step.label, launch) for launch in taken.launches)
            lanes.extend([step.stream] * len(taken.launches))
        work = self._ring.through(launches, self._arena)
        segment = self.backend.segment(work, frame.sizes, self, lanes, self.manner)
        frame.segments[number] = (key, segment)
        return segment

    # Addresses

    def address(self, buffer: int) -> int:
        """Where a buffer starts now; memory of a dynamic one is made when its size is known."""
        if buffer == NOWHERE:
            return 0
        made = self.plan.buffers[buffer]
        if made.kind == "arena":
            return self._arena.address + made.offset
        if made.kind == "weight":
            return self._weights[made.weight].address
        if buffer in self.frame.outside:
            return self.frame.outside[buffer]
        if buffer not in self.frame.dynamic:
            size = self.frame.evaluate.integer(made.bytes)
            self._may_allocate(size)
            self.frame.dynamic[buffer] = self.backend.allocate(size)
            if made.kind == "output":
                self._patch(buffer, self.frame.dynamic[buffer].address)
        return self.frame.dynamic[buffer].address

    def outside(self, buffer: int) -> bool:
        """True for the caller's buffers."""
        return buffer != NOWHERE and self.plan.buffers[buffer].kind in ("input", "output")

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """Where the buffer starts and ends; None for weights. What the caller lends lies apart, wherever it lies."""
        if buffer == NOWHERE or self.plan.buffers[buffer].kind == "weight":
            return None
        if self.outside(buffer):
            return -buffer - 2, -buffer - 1
        start = self.address(buffer)
        return start, start + self.frame.evaluate.integer(self.plan.buffers[buffer].bytes)

    def _shape(self, view: View) -> tuple[int, ...]:
        evaluate = self.frame.evaluate
        return tuple(evaluate.integer(d) for d in view.type.shape)

    def array(self, view: View, stream: int) -> Array:
        """The view's elements on the host, after the work on the stream."""
        evaluate = self.frame.evaluate
        shape = tuple(evaluate.integer(d) for d in view.type.shape)
        strides = tuple(evaluate.integer(s) for s in view.strides)
        item = view.type.dtype.numpy.itemsize
        start = self.address(view.buffer) + evaluate.integer(view.offset)
        data = self.backend.read(start, span(shape, strides, item), stream)
        return strided(data, view.type.dtype.numpy, shape, strides)

    def store(self, view: View, array: Array, stream: int) -> None:
        """Write elements into a view; a dense one at once."""
        evaluate = self.frame.evaluate
        held = np.asarray(array).astype(view.type.dtype.numpy, copy=False)
        strides = tuple(evaluate.integer(s) for s in view.strides)
        start = self.address(view.buffer) + evaluate.integer(view.offset)
        order = view.type.order
        if strides == dense_strides(held.shape, order):
            self.backend.write(start, np.ascontiguousarray(held.transpose(order)), stream)
            return
        data = np.array(self.backend.read(start, span(held.shape, strides, held.itemsize), stream))
        strided(data, held.dtype, held.shape, strides)[...] = held
        self.backend.write(start, data, stream)

    # Host work

    def define(
        self, dims: Sequence[str], types: Sequence[Tensor], shapes: Sequence[tuple[int, ...]], label: str
    ) -> None:
        """Learn dims that only the data tells; memory whose size depends on them is dropped."""
        sizes = self.frame.sizes
        known = {k: v for k, v in sizes.items() if k not in dims}
        try:
            found = solve(dict(enumerate(types)), dict(enumerate(shapes)), known)  # type: ignore[arg-type]
        except ShapeError as error:
            raise ShapeError(error.what, f"result of node {label!r}") from error
        changed = {k for k in dims if sizes.get(k) != found.get(k)}
        self.frame.sizes = found
        for buffer in list(self.frame.dynamic):
            if symbols(self.plan.buffers[buffer].bytes) & changed:
                del self.frame.dynamic[buffer]

    def _host(self, step: HostStep, stream: int) -> None:
        arrays = [self.array(v, stream) for v in step.reads]
        try:
            results = compute(step.node, arrays, [v.type for v in step.reads], self.frame.sizes)
        except MinirtError as error:
            raise type(error)(error.what, f"node {step.label!r}") from error
        if step.dims:
            self.define(step.dims, [w.type for w in step.writes], [np.shape(r) for r in results], step.label)
        for view, result in zip(step.writes, results, strict=False):
            self.store(view, result, stream)

    def _read(self, step: ReadStep, stream: int) -> None:
        values = [int(v) for v in self.array(step.source, stream).reshape(-1)]
        for value, most in zip(values, step.most, strict=False):
            if not 0 <= value <= self.frame.evaluate.integer(most):
                raise ShapeError(f"the size {value} that it wrote is not within {most}", f"node {step.label!r}")
        found = [(n, v) for n, v in zip(step.dims, values, strict=True) if n]
        types = [Tensor(step.source.type.dtype, (symbol(n),)) for n, _ in found]
        self.define([n for n, _ in found], types, [(v,) for _, v in found], step.label)

    def child(self, plan: Plan) -> Executor:
        """The executor of a sub-plan, made once."""
        if id(plan) not in self._children:
            made = Executor(plan, self.backend, self._store, rest(self.plan, self._arena), self.manner)
            made.results, made.resources = results_in(plan, made._arena), self.resources
            self._children[id(plan)] = made
        return self._children[id(plan)]

    def call(self, plan: Plan, inputs: Sequence[Result], outputs: Mapping[str, int], stream: int) -> list[Result]:
        """Run a sub-plan on inputs in order; outputs without an address get memory of their own."""
        child = self.child(plan)
        names = [b.name for b in plan.inputs]
        shapes = {n: r.shape for n, r in zip(names, inputs, strict=True)}
        child.bind(child.sizes(shapes, self.frame.told))
        found = child.run({n: r.address for n, r in zip(names, inputs, strict=True)}, outputs, stream)
        return [found[b.name] for b in plan.outputs]

    def place(self, view: View) -> Result:
        """Where a view lies now, and its shape."""
        offset = self.frame.evaluate.integer(view.offset)
        return Result(self.address(view.buffer) + offset, self._shape(view))
