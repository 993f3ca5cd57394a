"""Where results lie: when a copy pays that lets the best kernel write them, when a part of another tensor does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minirt.build.drafts import Draft, Place
from minirt.build.select import Setting, Source, choose
from minirt.build.views import Placement, behind, is_view
from minirt.ir.graph import Constant, Graph, Input
from minirt.ir.op import Node, Value
from minirt.ir.weights import Weights, is_fixed
from minirt.kernels.kernel import Problem
from minirt.ops.movement import Concat, Reshape, Transpose
from minirt.ops.pointwise import Elementwise
from minirt.types.dim import Expr
from minirt.types.tensor import Tensor

_LARGE, _MANY = 1 << 18, 8
"""Bytes of an input, and how many times the rest, from which it is worth a copy of its own."""
_DEEP = 512
"""Operations for each number of a result from which it may be worth a copy to make it where another kernel can."""
_PLAIN, _SOME = 90, 8
"""The rank from which kernels are plain loops; on the host those lose to copies and tiles from so few operations on."""


def leave_claims(
    node: Node, sources: Sequence[Source], places: dict[Value, Place], drafts: Sequence[Draft], setting: Setting
) -> None:
    """Take a result from where the caller wants it, where it is better made elsewhere: a copy follows."""
    first = places.get(node.outputs[0])
    if first is not None and drafts[first.buffer].kind == "output" and len(node.outputs) == 1:
        if better_apart(node, sources, first.at, setting):
            del places[node.outputs[0]]


def better_apart(node: Node, sources: Sequence[Source], at: Placement, setting: Setting) -> bool:
    """True where a result that the caller wants at a place is better made elsewhere and copied.

    That is where a kernel that would be asked first does not write there, reads its operands as the other one does, and
    has much to do beside the copy.  A picture of four channels made of 128, wanted by channels, is made channels last.
    """
    (result,) = node.outputs
    flops = node.op.flops([s.at.type for s in sources], [at.type])
    if isinstance(flops, int) and flops == 0:
        return False
    plain = replace(setting, tuner=None, selector=None)
    (there, _), (free, _) = (choose(node.op, sources, [x], plain, node.label) for x in (at, result.tensor))
    if there is None or free is None or free.kernel.rank >= there.kernel.rank:
        return False
    plain_loops = setting.target.kind == "cpu" and free.kernel.rank < _PLAIN <= there.kernel.rank
    if free.moves != there.moves and not plain_loops:
        return False
    likely = free.problem.likely
    return likely(flops) >= (_SOME if plain_loops else _DEEP) * likely(at.type.size)


def joins_of(graph: Graph, shared: bool) -> dict[Value, Node]:
    """Values that nodes make and a concatenation reads, and that node; ``shared``: other nodes may read them too."""
    found: dict[Value, Node] = {}
    for node in graph.nodes:
        if isinstance(node.op, Concat):
            for value in node.inputs:
                made = not isinstance(value.op, Input | Constant | Weights) and not is_view(value.op)
                if made and (shared or graph.uses[value] == 1) and node.inputs.count(value) == 1:
                    found.setdefault(value, node)
    return found


def appends(node: Node, setting: Setting) -> bool:
    """True for a concatenation of a large input of the graph and little else (keys of tokens so far, and of the next).

    The input is then copied on its own, beside whatever makes the rest.
    """
    kept = [v for v in node.inputs if isinstance(v.op, Input)]
    if setting.target.kind != "cuda" or not setting.streams or len(kept) != 1 or any(map(is_fixed, node.inputs)):
        return False
    usual = Problem(node.op, (), (), setting.target, setting.ranges, setting.optimum).likely
    most = usual(kept[0].tensor.size)
    rest = sum(usual(v.tensor.size) for v in node.inputs) - most
    return most * kept[0].dtype.bits >= 8 * _LARGE and most >= _MANY * rest


def appended(graph: Graph, setting: Setting, joins: dict[Value, Node]) -> dict[Value, Value]:
    """Values that nodes make and that are appended to a large input once they are reshaped, and what is then appended.

    The concatenations of what is appended are added to ``joins``.
    """
    found: dict[Value, Value] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Concat) or not appends(node, setting):
            continue
        for value in node.inputs:
            source = value
            while isinstance(source.op, Reshape | Transpose) and graph.uses[source] == 1:
                source = source.node.inputs[0]
            made = not isinstance(source.op, Input | Constant | Weights) and not is_view(source.op)
            if source is not value and made and graph.uses[source] == 1 and node.inputs.count(value) == 1:
                found[source], joins[value] = value, node
    return found


def before_moves(place: Place, value: Value, source: Value) -> Place | None:
    """Where ``source`` must lie for ``value``, reshapes of it, to lie at a place; None where it cannot."""
    at: Placement | None = place.at
    while value is not source and at is not None:
        (operand,) = value.node.inputs
        at, value = behind(value.op, at, operand.tensor), operand
    return None if at is None else Place(place.buffer, at)


def overwritten(
    node: Node, inputs: Sequence[Place], result: Tensor, drafts: Sequence[Draft], graph: Graph
) -> Place | None:
    """An operand's buffer that dies here and has the result's exact shape: a pointwise result may overwrite it."""
    if not isinstance(node.op, Elementwise) or len(node.outputs) > 1:
        return None
    for value, place in zip(node.inputs, inputs, strict=True):
        same = place.at.type == result and place.at.strides == result.strides and place.at.offset == 0
        if same and drafts[place.buffer].kind == "arena" and dies(value, place, node, drafts, graph):
            return place
    return None


def dies(value: Value, place: Place, node: Node, drafts: Sequence[Draft], graph: Graph) -> bool:
    """True where nothing reads an operand of the node, or its buffer, after the node."""
    return drafts[place.buffer].holders == 1 and graph.uses[value] == 1 and node.inputs.count(value) == 1


def in_whole_vectors(at: Placement) -> bool:
    """True where rows of a part of a tensor begin on 16 bytes and elements of a row lie side by side."""
    sizes = [s for s, d in zip(at.strides, at.type.shape, strict=True) if isinstance(d, Expr) or d != 1]
    rows = [s for s in (at.offset, *sizes) if isinstance(s, Expr) or s != 1]
    return len(rows) == len(sizes) and all(
        not isinstance(s, Expr) and int(s * at.type.dtype.bits) % 128 == 0 for s in rows
    )
