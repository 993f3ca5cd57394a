"""Lowering: a fused graph becomes a plan for one target and one range of sizes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from minirt.build import apart
from minirt.build.counting import steps_of
from minirt.build.drafts import LARGEST, Draft, Place, byte_offset, bytes_of, part_of, unknown_dims
from minirt.build.formulas import name_of
from minirt.build.lanes import Order, memory_of, order_of
from minirt.build.plugins import lower_plugin
from minirt.build.resolve import Resolver
from minirt.build.select import Chosen, Setting, Source, choose, repeat
from minirt.build.shape_inputs import bound_inputs
from minirt.build.specialize import facts_of
from minirt.build.spreading import spread
from minirt.build.views import dense, is_view, view
from minirt.build.work import work_of
from minirt.errors import NoKernelError
from minirt.ir.encode import encode_op
from minirt.ir.graph import Constant, Data, Graph, Input
from minirt.ir.op import DataDependent, Node, Op, Value, op_of
from minirt.ir.text import print_graph
from minirt.ir.weights import Weights, is_fixed
from minirt.ops.control import If, Loop
from minirt.ops.gemm import Gemm
from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat
from minirt.ops.user_call import UserCall
from minirt.plan.launch import Pack
from minirt.plan.plan import (
    Binding,
    Buffer,
    Choice,
    HostStep,
    IfStep,
    KernelStep,
    LoopStep,
    Plan,
    Step,
    View,
    Weight,
)
from minirt.types.dim import Dim, Expr, bounds, symbols
from minirt.types.tensor import Tensor


@dataclass
class Lowering:
    """The state of one lowering; ``run`` gives the plan."""

    graph: Graph
    setting: Setting
    drafts: list[Draft] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    touched: list[set[int]] = field(default_factory=list)
    places: dict[Value, Place] = field(default_factory=dict)
    copies: dict[tuple[Value, tuple[int, ...]], Place] = field(default_factory=dict)
    weights: dict[str, tuple[int, Weight]] = field(default_factory=dict)
    blobs: dict[str, Data] = field(default_factory=dict)
    formulas: dict[str, Value] = field(default_factory=dict)
    joins: dict[Value, Node] = field(default_factory=dict)
    """Values that a concatenation reads, on a CPU no other node, and that node."""
    shown: dict[Value, Value] = field(default_factory=dict)
    """Values that a concatenation reads as reshapes, and what it reads."""
    filled: set[tuple[Node, Value]] = field(default_factory=set)
    """What has been copied into which concatenations."""
    unread: set[str] = field(default_factory=set)
    """Dims that only nodes still to come tell: memory of such a size cannot be asked for yet."""

    def run(self) -> Plan:
        """The plan; raises NoKernelError where the target has no way to run a node."""
        for value in self.graph.inputs:
            assert isinstance(value.op, Input)
            self._put(value, self._fresh("input", value.tensor, value.op.label))
        self._claim_outputs()
        self.joins = apart.joins_of(self.graph, self.setting.target.kind == "cuda")
        self.shown = apart.appended(self.graph, self.setting, self.joins)
        inputs = bound_inputs(self)
        self.unread = {d for node in self.graph.nodes if isinstance(node.op, DataDependent) for d in node.op.dims}
        for node in self.graph.nodes:
            self.unread.difference_update(node.op.dims if isinstance(node.op, DataDependent) else ())
            if not isinstance(node.op, Input | Constant | Weights) and not self._as_view(node):
                self._node(node)
        outputs = tuple(
            self._output(name, value) for name, value in zip(self.graph.names, self.graph.outputs, strict=True)
        )
        weights = self._needed_weights()
        sizes = {name: high for name, (_, high) in self.setting.ranges.items()} | {**self.setting.optimum}
        order = order_of(self.steps, self.drafts, self.setting.streams, sizes)
        buffers, arena, order = self._buffers(order)
        steps = self.steps if order is None else order.streamed(self.steps)
        checks = tuple((f.a, f.b, label) for f, label in facts_of(self.graph))
        return Plan(
            self.setting.target.name, inputs, outputs, buffers, tuple(steps),
            weights, arena, dict(self.setting.ranges), checks,
        )  # fmt: skip

    # Buffers

    def _fresh(self, kind: str, tensor: Tensor, name: str = "") -> Place:
        return Place(self._draft(kind, bytes_of(tensor), name), dense(tensor))

    def _draft(self, kind: str, size: Dim, name: str = "") -> int:
        self.drafts.append(Draft(kind, size, name))
        return len(self.drafts) - 1

    def _claim_outputs(self) -> None:
        """Outputs computed here are written where the caller wants them."""
        for name, value in zip(self.graph.names, self.graph.outputs, strict=True):
            owned = isinstance(value.op, Input | Constant | Weights) or is_view(value.op) or value in self.places
            if not owned and not self._data_dependent(value.tensor):
                self._put(value, self._fresh("output", value.tensor, name))

    def _output(self, name: str, value: Value) -> Binding:
        place = self._place(value)
        draft = self.drafts[place.buffer]
        if draft.kind == "output" and draft.name == name:
            return Binding(name, self._view(place))
        target = self._fresh("output", Tensor(value.dtype, value.shape), name)
        self._copy(place, target, value)
        return Binding(name, self._view(target))

    def _data_dependent(self, tensor: Tensor) -> bool:
        return any(not symbols(d) <= self.setting.ranges.keys() for d in tensor.shape)

    def _buffers(self, order: Order | None) -> tuple[tuple[Buffer, ...], int, Order | None]:
        sizes: dict[int, int] = {}
        for i, draft in enumerate(self.drafts):
            if draft.kind == "arena" and draft.last >= 0:
                known = symbols(draft.bytes) <= self.setting.ranges.keys()
                high = bounds(draft.bytes, self.setting.ranges)[1] if known else float("inf")
                if high < LARGEST:
                    sizes[i] = int(high)
                else:
                    draft.kind = "dynamic"
        where, arena, order = memory_of(sizes, self.drafts, self.touched, order, self.setting.streams < 0)
        return tuple(
            Buffer(d.kind, d.bytes, where.get(i, -1), d.name, d.weight, d.host) for i, d in enumerate(self.drafts)
        ), arena, order

    def _needed_weights(self) -> tuple[Weight, ...]:
        """The weights that some step reads, numbered; one that is only read packed is not held as it is too."""
        needed = [(number, weight) for number, weight in self.weights.values() if self.drafts[number].last >= 0]
        for place, (number, _) in enumerate(needed):
            self.drafts[number].weight = place
        return tuple(weight for _, weight in needed)

    def _view(self, place: Place) -> View:
        at = place.at
        return View(place.buffer, at.type, byte_offset(at.offset, at.type), at.strides)

    # Values

    def _place(self, value: Value) -> Place:
        if value not in self.places:
            self._put(value, Place(self._weight(value, None), dense(value.tensor)))
        return self.places[value]

    def _weight(self, value: Value, pack: Pack | None) -> int:
        blob = self._blob(value)
        weight = Weight(blob, pack.function, pack.spec) if pack else Weight(blob)
        key = weight.key
        if key not in self.weights:
            number = self._draft("weight", bytes_of(value.tensor) if pack is None else 0)
            self.weights[key] = (number, weight)
        return self.weights[key][0]

    def _blob(self, value: Value) -> str:
        """The name of fixed numbers: a constant's digest, or that of the formula of weights."""
        if isinstance(value.op, Weights):
            name = name_of(value.op)
            self.formulas[name] = value.op.result
            return name
        assert isinstance(value.op, Constant), value
        self.blobs[value.op.data.digest] = value.op.data
        return value.op.data.digest

    def _as_view(self, node: Node) -> bool:
        """Places the result as a view of its operand, copying the operand first where only that allows it."""
        if not is_view(node.op):
            return False
        (operand, *_), (result,) = node.inputs, node.outputs
        place = self._place(operand)
        found = view(node.op, place.at, result.tensor)
        if found is None:
            place = self._moved(operand, ())
            found = view(node.op, place.at, result.tensor)
        if found is None:
            return False
        self._put(result, Place(place.buffer, found))
        return True

    def _moved(self, value: Value, layout: tuple[int, ...]) -> Place:
        """The value in memory of its own, in the layout."""
        key = (value, layout)
        if key not in self.copies:
            target = self._fresh("arena", Tensor(value.dtype, value.shape, layout))
            self._copy(self._place(value), target, value)
            self.copies[key] = target
            self.drafts[target.buffer].holders += 1
        return self.copies[key]

    # Steps

    def _step(self, step: Step, places: Sequence[int]) -> None:
        for buffer in places:
            self.drafts[buffer].touch(len(self.steps))
        self.touched.append(set(places))
        self.steps.append(step)

    def _copy(self, source: Place, target: Place, value: Value, label: str = "") -> None:
        op, label = Relayout(target.at.type.layout), label or value.node.label
        found, refusals = choose(op, [Source(source.at)], [target.at], self.setting, label, True)
        if found is not None:
            self._launch(found, [source], [target], label, [value])
        else:
            self._host(op, label, [source], [target], refusals)

    def _node(self, node: Node) -> None:
        if isinstance(node.op, If | Loop):
            self._control(node)
            return
        if isinstance(node.op, UserCall):
            lower_plugin(self, node)
            return
        inputs = [self._place(v) for v in node.inputs]
        sources = [Source(p.at, is_fixed(v)) for p, v in zip(inputs, node.inputs, strict=True)]
        apart.leave_claims(node, sources, self.places, self.drafts, self.setting)
        wanted = [self.places[v].at if v in self.places else v.tensor for v in node.outputs]
        if isinstance(node.op, Concat) and self._gathered(node):
            return
        found, refusals = choose(node.op, sources, wanted, self.setting, node.label)
        if found is None and [self.places.pop(v) for v in node.outputs if v in self.places]:  # a copy follows
            found, refusals = choose(node.op, sources, [v.tensor for v in node.outputs], self.setting, node.label)
        if found is None and isinstance(node.op, Gemm):
            inputs, found = spread(self, node, inputs)
        found = self._into_concat(node, sources, found)
        if found is None:
            outputs = [self._result(v) for v in node.outputs]
            self._host(node.op, node.label, inputs, outputs, refusals, unknown_dims(node.op, node.outputs))
            return
        for i, move in enumerate(found.moves):
            if move is not None:
                inputs[i] = self._moved(node.inputs[i], move)
        outputs = []
        for value, operand in zip(node.outputs, found.problem.outputs, strict=True):
            if value not in self.places:
                at = apart.overwritten(node, inputs, operand.type, self.drafts, self.graph)
                self._put(value, at or self._fresh("arena", operand.type))
            outputs.append(self.places[value])
        self._launch(found, inputs, outputs, node.label, node.inputs)

    def _into_concat(self, node: Node, sources: Sequence[Source], found: Chosen | None) -> Chosen | None:
        """The choice that writes straight into a concatenation that reads the result, if a kernel can.

        What other nodes read too must lie there as kernels like to read it.
        """
        value = node.outputs[0]
        part = self.shown.get(value, value)
        if found is None or len(node.outputs) != 1 or part not in self.joins or value in self.places:
            return found
        if not self.unread.isdisjoint(d for s in self._joined(part).shape for d in symbols(s)):
            return found
        whole = self._slice_of(part, found.problem.outputs[0].type.layout if part is value else ())
        place = apart.before_moves(whole, part, value)
        if place is None or (self.graph.uses[value] > 1 and not apart.in_whole_vectors(place.at)):
            return found
        if self.setting.selector is not None:
            again = repeat(found, sources, place.at, self.setting)
        else:
            again, _ = choose(node.op, sources, [place.at], self.setting, node.label)
        if again is None or again.moves != found.moves:
            return found
        self._put(value, place)
        if part is not value:  # so that the copy of what was there before waits for nothing
            join = self.joins[part]
            self._fill(join, [v for v in join.inputs if not isinstance(v.op, Input)])
        return again

    def _joined(self, value: Value) -> Value:
        """The outermost concatenation that the value is a part of."""
        return self._joined(self.joins[value].outputs[0]) if value in self.joins else value

    def _slice_of(self, value: Value, layout: tuple[int, ...]) -> Place:
        """Where a value lies in the concatenation that reads it; its buffer is made when first asked for."""
        join = self.joins[value]
        (whole,) = join.outputs
        if whole not in self.places:
            nested = self._slice_of(whole, layout) if whole in self.joins else None
            self._put(whole, nested or self._fresh("arena", Tensor(whole.dtype, whole.shape, layout)))
        start: Dim = 0
        for other in join.inputs[: join.inputs.index(value)]:
            start = start + other.shape[op_of(whole, Concat).axis]
        return part_of(self.places[whole], op_of(whole, Concat).axis, value, start)

    def _gathered(self, node: Node) -> bool:
        """True where operands lie in the result already; the others are copied to their places."""
        (whole,) = node.outputs
        buffer = self.places[whole].buffer if whole in self.places else -1
        mine = [v for v in node.inputs if self.joins.get(v) is node and v in self.places]
        inside = [v for v in mine if self.places[v].buffer == buffer]
        if not inside and not apart.appends(node, self.setting):
            return False
        if buffer < 0 and not inside:
            self._put(whole, self._fresh("arena", whole.tensor))
        self._fill(node, inside)
        return True

    def _fill(self, node: Node, without: Sequence[Value]) -> None:
        """Copy what a concatenation reads to its place, but for some operands and those that were copied before."""
        (whole,) = node.outputs
        start: Dim = 0
        for value in node.inputs:
            if value not in without and (node, value) not in self.filled:
                part = part_of(self.places[whole], op_of(whole, Concat).axis, value, start)
                self._copy(self._place(value), part, value, node.label)
                self.filled.add((node, value))
            start = start + value.shape[op_of(whole, Concat).axis]

    def _dies(self, value: Value, place: Place, node: Node) -> bool:
        return apart.dies(value, place, node, self.drafts, self.graph)

    def _result(self, value: Value) -> Place:
        return self.places.get(value) or self._put(value, self._fresh("arena", value.tensor))

    def _put(self, value: Value, place: Place) -> Place:
        self.places[value] = place
        self.drafts[place.buffer].holders += 1
        return place

    def _launch(
        self, found: Chosen, inputs: Sequence[Place], outputs: Sequence[Place], label: str, values: Sequence[Value]
    ) -> None:
        launches = found.kernel.launch(found.problem, found.tactic)
        work = [self._draft("arena", size) for size in launches.work]
        packs = [self._packed(values[p.operand], p) for p in launches.packs]
        resolver = Resolver({"in": inputs, "out": outputs}, {"work": work, "pack": packs})
        steps = tuple(resolver.launch(s) for s in launches.steps)
        reads, writes = (tuple(self._view(p) for p in g) for g in (inputs, outputs))
        choice = Choice(1, found.kernel.name, found.tactic, steps)
        step = KernelStep(label, (choice,), reads, writes, 0, *work_of(found.problem))
        for part in steps_of(step, launches.counted, found.problem, resolver.address):
            self._step(part, [*resolver.used, *(p.buffer for p in outputs)])

    def _packed(self, value: Value, pack: Pack) -> int:
        assert is_fixed(value), "only constants and weights are packed"
        return self._weight(value, pack)

    def _host(
        self, op: Op, label: str, inputs: Sequence[Place], outputs: Sequence[Place],
        refusals: list[tuple[str, str]], dims: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """The op's NumPy reference: the CPU's last kernel; on a GPU it costs two copies."""
        if type(op).run is Op.run and type(op).reference is Op.reference:
            raise NoKernelError(label, str(op), self.setting.target.name, refusals)
        from_op = encode_op(op, print_graph)
        reads, writes = (tuple(self._view(p) for p in g) for g in (inputs, outputs))
        touched = [p.buffer for p in (*inputs, *outputs)]
        for buffer in touched:
            self.drafts[buffer].host = True
        self._step(HostStep(label, json.dumps(from_op), reads, writes, dims), touched)

    # Control flow

    def _control(self, node: Node) -> None:
        places = [self._dense(v) for v in node.inputs]
        outputs = [self._result(v) for v in node.outputs]
        views = [self._view(p) for p in places]
        writes = tuple(self._view(p) for p in outputs)
        op, dims = node.op, unknown_dims(node.op, node.outputs)
        if isinstance(op, If):
            then, otherwise = self._body(op.then), self._body(op.otherwise)
            step: Step = IfStep(node.label, views[0], then, otherwise, tuple(views[1:]), writes, dims)
        else:
            assert isinstance(op, Loop)
            at = op.has_trip + op.has_condition
            step = LoopStep(
                node.label, self._body(op.body), views[0] if op.has_trip else None,
                views[int(op.has_trip)] if op.has_condition else None, tuple(views[at : at + op.carried]),
                tuple(views[at + op.carried :]), writes, dims, op.count(node.inputs),
            )  # fmt: skip
        self._step(step, [p.buffer for p in (*places, *outputs)])

    def _dense(self, value: Value, aligned: int = 1) -> Place:
        place = self._place(value)
        start = byte_offset(place.at.offset, place.at.type)
        lies = aligned == 1 or (not isinstance(start, Expr) and start % aligned == 0)
        return place if lies and place.at.dense and not place.at.type.layout else self._moved(value, ())

    def _body(self, graph: Graph) -> Plan:
        inner = Lowering(graph, replace(self.setting, streams=0))
        plan = inner.run()
        self.blobs |= inner.blobs
        self.formulas |= inner.formulas
        return plan
