"""TensorRT's plugins that suppress boxes: a fixed number of places for what is kept, and how many are filled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply, apply_all, same_dim
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add, Div, Max, Min, Mod, Mul, Sub
from minirt.ops.arithmetic_functions import Exp
from minirt.ops.cast import casted
from minirt.ops.detection import NonMaxSuppression
from minirt.ops.importer import OnnxNode, Result, number
from minirt.ops.indexing import GatherElements, GatherND, ScatterElements, ScatterND
from minirt.ops.logic import Greater, GreaterOrEqual, where
from minirt.ops.movement import dims_value, expanded, reshaped, sliced, transposed
from minirt.ops.nvidia.registry import number_of, plugin
from minirt.ops.ordering import ArgReduce, TopK
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated, unsqueezed
from minirt.types.dim import Dim
from minirt.types.dtype import f32, i32, i64

_NEVER = float("-inf")
"""The score of what is not to be kept."""


@dataclass(frozen=True)
class _Bounds:
    """How boxes are suppressed: most an image, greatest overlap, and how much is added to the far corners for it."""

    most: int
    overlap: float
    wider: float = 0.0


@dataclass(frozen=True)
class _Kept:
    """What is kept of images, best first: [B, most] scores, boxes [B, most, 4], classes, rows (i64), what is there.

    Rows count the N boxes that each class may have.
    """

    scores: Value
    boxes: Value
    classes: Value
    rows: Value
    there: Value

    @property
    def count(self) -> Value:
        """How many are there: [B, 1] i32."""
        return reduced("sum", casted(self.there, i32), [1])

    def or_else(self, values: Value, other: float) -> Value:
        """The values where something was kept, another number elsewhere."""
        there = self.there if values.rank == 2 else unsqueezed(self.there, [2])
        return where(there, values, number(other, values.dtype))


def _never(shape: tuple[Dim, ...]) -> Value:
    return expanded(number(_NEVER, f32), shape)


def _checked(boxes: Value, scores: Value) -> tuple[Value, Value]:
    """Boxes as [B, N, 1 or C, 4] and scores as [B, N, C], in f32."""
    if scores.rank == 4:
        scores = reshaped(scores, scores.shape[:3])
    if boxes.rank == 3:
        boxes = unsqueezed(boxes, [2])
    if boxes.rank != 4 or scores.rank != 3:
        raise MinirtError(f"boxes {boxes.type} and scores {scores.type} are not [B, N, 4] and [B, N, classes]")
    same_dim(boxes.shape[1], scores.shape[1], "boxes and scores")
    same_dim(boxes.shape[3], 4, "numbers of a box")
    return casted(boxes, f32), casted(scores, f32)


def _suppressed(boxes: Value, scores: Value, bounds: _Bounds) -> Value:
    """Scores [B, N, C] with those of boxes that a better one of their class overlaps at minus infinity."""
    batch, count, classes = scores.shape
    by_class = transposed(scores, [0, 2, 1])
    if bounds.wider:
        far = np.array([0, 0, bounds.wider, bounds.wider], np.float32)
        boxes = apply(Add(), boxes, number(far, f32))
    if boxes.shape[2] == 1:
        groups, rows = reshaped(boxes, (batch, count, 4)), by_class
    else:  # each class has boxes of its own, so that each is an image of one class
        groups = reshaped(transposed(boxes, [0, 2, 1, 3]), (batch * classes, count, 4))
        rows = reshaped(by_class, (batch * classes, 1, count))
    most = number(bounds.most, i64)
    op = NonMaxSuppression(False, bounds.most)
    places = apply(op, groups, rows, most, number(bounds.overlap, f32), number(_NEVER, f32))
    kept = apply(ScatterND(), _never(rows.shape), places, apply(GatherND(), rows, places))
    return transposed(reshaped(kept, by_class.shape), [0, 2, 1])


def _best(boxes: Value, scores: Value, bounds: _Bounds) -> _Kept:
    """The boxes that are kept; scores of minus infinity are of none. Equal scores: by box, then by class."""
    batch, count, classes = scores.shape
    flat = reshaped(_suppressed(boxes, scores, bounds), (batch, count * classes))
    padded = concatenated([flat, _never((batch, bounds.most))], 1)  # so that there are as many as are asked for
    values, places = apply_all(TopK(1, bounds.most), padded)
    there = apply(Greater(), values, number(_NEVER, f32))
    places = where(there, places, number(0, i64))
    width = dims_value((classes,), i64, ())
    chosen, row = apply(Mod(), places, width), apply(Div(), places, width)
    at = row if boxes.shape[2] == 1 else places
    lines = reshaped(boxes, (batch, count * boxes.shape[2], 4))
    return _Kept(values, apply(GatherND(1), lines, unsqueezed(at, [2])), chosen, row, there)


def _best_of_any(boxes: Value, scores: Value, bounds: _Bounds) -> _Kept:
    """The boxes that are kept where classes suppress each other."""
    batch, count, classes = scores.shape
    if boxes.shape[2] == 1:  # of the classes of one box the best suppresses the others
        of = reshaped(apply(ArgReduce("max", 2), scores), (batch, count))
        kept = _best(boxes, reduced("max", scores, [2]), bounds)
        return replace(kept, classes=apply(GatherElements(1), of, kept.rows))
    apart = (batch, count * classes, 1)
    kept = _best(reshaped(boxes, (*apart, 4)), reshaped(scores, apart), bounds)
    return replace(kept, classes=apply(Mod(), kept.rows, dims_value((classes,), i64, ())))


def _without(scores: Value, background: int, least: float) -> Value:
    """Scores with those of the background's class, and those below a bound, at minus infinity."""
    keep = apply(GreaterOrEqual(), scores, number(least, f32))
    scores = where(keep, scores, number(_NEVER, f32))
    classes = scores.shape[2]
    if background < 0 or (isinstance(classes, int) and background >= classes):
        return scores
    rest = (*scores.shape[:2], classes - background - 1)
    parts = [
        sliced(scores, 2, 0, background),
        _never((*scores.shape[:2], 1)),
        sliced(scores, 2, background + 1, rest[2]),
    ]
    return concatenated(parts, 2)


def _parts(boxes: Value) -> tuple[Value, Value]:
    """The first and the last two numbers of each box."""
    return sliced(boxes, boxes.rank - 1, 0, 2), sliced(boxes, boxes.rank - 1, 2, 2)


def _decoded(boxes: Value, anchors: Value, centre: bool) -> Value:
    """What a network says of its anchors as boxes: centres in sizes of the anchor and logarithms of sizes, or sums."""
    anchors = unsqueezed(casted(anchors, f32), [2])
    if not centre:
        return apply(Add(), boxes, anchors)
    (at, size), (middle, extent) = _parts(boxes), _parts(anchors)
    moved = apply(Add(), apply(Mul(), at, extent), middle)
    return concatenated([moved, apply(Mul(), extent, apply(Exp(), size))], 3)


def _corners(boxes: Value) -> Value:
    """Centres and sizes as corners."""
    middle, size = _parts(boxes)
    half = apply(Mul(), size, number(0.5, f32))
    return concatenated([apply(Sub(), middle, half), apply(Add(), middle, half)], 3)


@plugin(
    "EfficientNMS_TRT", outputs=4, score_threshold="f", iou_threshold="f", max_output_boxes="i", background_class="i",
    score_activation="i", class_agnostic="i", box_coding="i",
)  # fmt: skip
def _efficient(node: OnnxNode) -> Result:
    """Counts [B, 1] i32, boxes [B, most, 4] as corners, scores [B, most], classes [B, most] i32; zeros beyond a count.

    Operands: boxes [B, N, 4] or [B, N, C, 4], scores [B, N, C], and anchors [1 or B, N, 4] that boxes are decoded by.
    """
    own = node.input(0).dtype
    boxes, scores = _checked(node.input(0), node.input(1))
    anchors, centre = node.optional(2), bool(number_of(node, "box_coding", 0))
    if anchors is not None:
        boxes = _decoded(boxes, anchors, centre)
    if centre:
        boxes = _corners(boxes)
    if number_of(node, "score_activation", 0):
        scores = apply(Sigmoid(), scores)
    bounds = _Bounds(int(number_of(node, "max_output_boxes", 100)), number_of(node, "iou_threshold", 0.5))
    background = int(number_of(node, "background_class", -1))
    scores = _without(scores, background, number_of(node, "score_threshold", 0.5))
    kept = (_best_of_any if number_of(node, "class_agnostic", 0) else _best)(boxes, scores, bounds)
    classes = casted(kept.or_else(kept.classes, 0), i32)
    return [kept.count, casted(kept.or_else(kept.boxes, 0), own), casted(kept.or_else(kept.scores, 0), own), classes]


def _foremost(scores: Value, most: int) -> Value:
    """Scores [B, N, C] with all but the best ``most`` of each class at minus infinity."""
    batch, count, classes = scores.shape
    if isinstance(count, int) and count <= most:
        return scores
    padded = concatenated([scores, _never((batch, most, classes))], 1)
    values, places = apply_all(TopK(1, most), padded)
    return sliced(apply(ScatterElements(1), _never(padded.shape), places, values), 1, 0, count)


@plugin(
    "BatchedNMS_TRT", "BatchedNMSDynamic_TRT", outputs=4, shareLocation="i", backgroundLabelId="i", numClasses="i",
    topK="i", keepTopK="i", scoreThreshold="f", iouThreshold="f", isNormalized="i", clipBoxes="i", scoreBits="i",
    caffeSemantics="i",
)  # fmt: skip
def _batched(node: OnnxNode) -> Result:
    """Counts [B, 1] i32, boxes [B, keepTopK, 4], scores and classes [B, keepTopK], -1 and zeros beyond a count.

    Operands: boxes [B, N, 1 or C, 4] as corners, scores [B, N, C]. Of each class the best topK are compared.
    """
    own = node.input(0).dtype
    boxes, scores = _checked(node.input(0), node.input(1))
    unit = bool(number_of(node, "isNormalized", 1))
    bounds = _Bounds(int(number_of(node, "keepTopK", 100)), number_of(node, "iouThreshold", 0.5), 0.0 if unit else 1.0)
    scores = _without(scores, int(number_of(node, "backgroundLabelId", -1)), number_of(node, "scoreThreshold", 0.0))
    kept = _best(boxes, _foremost(scores, int(number_of(node, "topK", 1000))), bounds)
    found = kept.boxes
    if unit and number_of(node, "clipBoxes", 1):
        found = apply(Min(), apply(Max(), found, number(0, f32)), number(1, f32))
    parts = (kept.or_else(found, 0), kept.or_else(kept.scores, 0), kept.or_else(casted(kept.classes, f32), -1))
    return [kept.count, *(casted(v, own) for v in parts)]
