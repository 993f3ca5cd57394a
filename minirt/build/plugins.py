"""Lowering of plugins: a call on dense buffers, or a launch like any other where a kernel was compiled beforehand."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from minirt.build.drafts import Draft, Place, byte_offset, bytes_of, unknown_dims
from minirt.build.select import Setting
from minirt.build.views import dense
from minirt.errors import MinirtError
from minirt.ir.encode import encode_op
from minirt.ir.op import Node, Value, op_of
from minirt.ir.text import print_graph
from minirt.kernels.cuda.user_kernel import machine_code
from minirt.ops.user_call import Ahead, Needs, Range, UserCall, plugins
from minirt.plan.launch import Address, Arg, Integer, Launch, Unit
from minirt.plan.plan import CallStep, Choice, KernelStep, ReadStep, Step, View
from minirt.types.dim import Dim, Expr, bounds, symbols
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor

ALIGNED = 256
"""Bytes on which a plugin's operands start."""
_UNBOUNDED = 1 << 40
_HIDDEN = 4
"""Null pointers after a kernel's own arguments: scratch that compilers such as Triton's declare and do not use."""


class Builder(Protocol):
    """What lowering a plugin needs of a lowering."""

    setting: Setting
    drafts: list[Draft]
    places: dict[Value, Place]

    def _draft(self, kind: str, size: Dim) -> int:
        """A new buffer."""
        ...

    def _dense(self, value: Value, aligned: int) -> Place:
        """Where a value lies row-major, on so many bytes; copied there if need be."""
        ...

    def _put(self, value: Value, place: Place) -> Place:
        """Say where a value is made."""
        ...

    def _copy(self, source: Place, target: Place, value: Value) -> None:
        """Copy a value."""
        ...

    def _dies(self, value: Value, place: Place, node: Node) -> bool:
        """True where a value's memory is read for the last time."""
        ...

    def _step(self, step: Step, places: Sequence[int]) -> None:
        """Add a step that touches these buffers."""
        ...

    def _view(self, place: Place) -> View:
        """A place as plans have it."""
        ...


@dataclass
class _Call:
    """A plugin while it is lowered."""

    builder: Builder
    node: Node
    op: UserCall
    inputs: list[Place]
    outputs: list[Place]
    ranges: tuple[list[Range], list[Range]]


def lower_plugin(builder: Builder, node: Node) -> None:
    """Add the steps of a plugin; raises MinirtError where it fails, or its scratch memory has no bound."""
    op = op_of(node.outputs[0], UserCall)
    values = node.inputs[: op.regular]
    inputs = [builder._dense(v, ALIGNED) for v in values]
    outputs = [_result(builder, node, op, number, inputs) for number in range(len(node.outputs))]
    setting = builder.setting
    ranges = [_range(v.tensor, setting) for v in values], [_range(t, setting) for t in op.room]
    call = _Call(builder, node, op, inputs, outputs, ranges)
    on_device = setting.target.kind == "cuda"
    try:
        needs = plugins(op).configure(op, *ranges, on_device)
        ahead = plugins(op).ahead(op, *ranges) if on_device else None
        if ahead is None and setting.contest is not None:
            needs = replace(needs, tactics=(setting.contest.fastest(op, *ranges, needs, node.label),))
    except MinirtError as error:
        raise type(error)(error.what, f"node {node.label!r}, {error.where}", error.fix) from error
    if ahead is not None:
        _launch(call, ahead)
    else:
        _call(call, needs)
    _read_sizes(call)


def _result(builder: Builder, node: Node, op: UserCall, number: int, inputs: Sequence[Place]) -> Place:
    """Where a result is made: for the caller, in the memory of the input that it shares, or in memory for the most."""
    value = node.outputs[number]
    if value in builder.places:
        return builder.places[value]
    source = dict(op.aliases).get(number)
    if source is not None and _is_free(builder, node, source, inputs[source]):
        return builder._put(value, inputs[source])
    return builder._put(value, Place(builder._draft("arena", bytes_of(op.room[number])), dense(value.tensor)))


def _is_free(builder: Builder, node: Node, source: int, place: Place) -> bool:
    """True where nothing else reads an input, now or later, and its memory is the plan's own."""
    owned = builder.drafts[place.buffer].kind == "arena" and place.at.offset == 0
    return owned and builder._dies(node.inputs[source], place, node)


def _range(tensor: Tensor, setting: Setting) -> Range:
    def high(dim: Dim) -> int:
        most = bounds(dim, setting.ranges)[1] if symbols(dim) <= setting.ranges.keys() else float("inf")
        return int(most) if most < _UNBOUNDED else -1

    def usual(dim: Dim) -> int:
        found = substitute(dim, setting.optimum)
        return high(dim) if isinstance(found, Expr) else int(found)

    low = tuple(max(0, int(bounds(d, setting.ranges)[0])) for d in tensor.shape)
    return Range(tensor, low, tuple(map(usual, tensor.shape)), tuple(map(high, tensor.shape)))


def _call(call: _Call, needs: Needs) -> None:
    builder, label = call.builder, call.node.label
    if needs.workspace and any(-1 in r.high for r in (*call.ranges[0], *call.ranges[1])):
        fix = "add an optimization profile that bounds its inputs"
        raise MinirtError("the scratch memory of its plugin has no bound", f"node {label!r}", fix)
    limit = builder.setting.workspace
    if limit and needs.workspace > limit:
        what = f"its plugin asks for {needs.workspace} bytes of scratch memory, the limit is {limit}"
        raise MinirtError(what, f"node {label!r}", "raise it by IBuilderConfig.set_memory_pool_limit")
    work = builder._draft("arena", needs.workspace) if needs.workspace else -1
    reads, writes = (tuple(map(builder._view, places)) for places in (call.inputs, call.outputs))
    text = json.dumps(encode_op(call.op, print_graph))
    touched = [p.buffer for p in (*call.inputs, *call.outputs)] + ([work] if work >= 0 else [])
    builder._step(CallStep(label, text, reads, writes, work, needs.tactic), touched)


def _launch(call: _Call, ahead: Ahead) -> None:
    """A launch of a kernel compiled ahead of time; inputs whose memory is shared are copied to their results first."""
    builder, node = call.builder, call.node
    inputs = list(call.inputs)
    for number, source in call.op.aliases:
        if inputs[source].buffer != call.outputs[number].buffer:
            builder._copy(inputs[source], call.outputs[number], node.inputs[source])
        inputs[source] = call.outputs[number]
    args: list[Arg] = [_address(p) for p in inputs]
    args += [Integer(extra, 32) for extra in ahead.extras]
    args += [_address(p) for p in call.outputs]
    args += [Integer(0, 64)] * _HIDDEN
    image = machine_code(ahead.image, ahead.entry, builder.setting.target.arch)
    unit = Unit("UserKernel", {"image": base64.b64encode(image).decode(), "entry": ahead.entry})
    launch = Launch(unit, tuple(args), ahead.grid, ahead.block, ahead.shared)
    reads, writes = (tuple(map(builder._view, places)) for places in (inputs, call.outputs))
    step = KernelStep(node.label, (Choice(1, "UserKernel", {}, (launch,)),), reads, writes)
    builder._step(step, [p.buffer for p in (*inputs, *call.outputs)])


def _address(place: Place) -> Address:
    return Address("buffer", place.buffer, byte_offset(place.at.offset, place.at.type))


def _read_sizes(call: _Call) -> None:
    """The sizes that the plugin wrote, read by the host."""
    wanted = unknown_dims(call.op, call.node.outputs)
    for (number, upper), name in zip(call.op.uppers, call.op.dims, strict=True):
        if name in wanted:
            place = call.outputs[number]
            step = ReadStep(call.node.label, call.builder._view(place), (name,), (upper,))
            call.builder._step(step, [place.buffer])
