"""Ops of detectors: boxes that are kept, and pooling of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import DataDependent, Op, Value, apply, same_dim
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import reshaped
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import FLOATS, Array, f32, i64
from minirt.types.tensor import Tensor, Type


class NonMaxSuppression(DataDependent):
    """Boxes in order of score, without those that overlap a better one: rows (batch, class, box) of i64 [kept, 3].

    Operands: boxes [B, N, 4] (corners y1 x1 y2 x2 in any order, or with ``centre`` x y width height), scores
    [B, C, N], most boxes for each class (i64 []), overlap bound, score bound (f32 []) (NonMaxSuppression-11).
    ``limit`` is operand 2 where it is known.
    """

    dtypes = FLOATS

    centre: bool = False
    limit: Dim | None = None

    def unknowns(self, *inputs: Value) -> int:
        """How many boxes are kept."""
        return 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[kept, 3]."""
        boxes, scores = inputs[:2]
        if boxes.rank != 3 or scores.rank != 3:
            raise MinirtError(f"boxes and scores have rank 3, not {boxes.rank} and {scores.rank}")
        same_dim(boxes.shape[0], scores.shape[0], "batches of boxes and scores")
        same_dim(boxes.shape[1], scores.shape[2], "boxes and scores")
        return (Tensor(i64, (symbol(self.dims[0]), 3)),)

    def reference(self, *arrays: Any) -> Any:
        """Class by class, the best box that is left, again and again."""
        boxes, scores, most, overlap, least = (np.asarray(a) for a in arrays)
        kept: list[tuple[int, int, int]] = []
        for b in range(scores.shape[0]):
            corners = _corners(boxes[b], self.centre)
            for c in range(scores.shape[1]):
                order = np.argsort(-scores[b, c], kind="stable")
                order = order[scores[b, c][order] > float(least)]
                kept.extend((b, c, int(i)) for i in _suppressed(corners, order, int(most), float(overlap)))
        return np.array(kept, dtype=np.int64).reshape(-1, 3)


def _corners(boxes: Array, centre: bool) -> Array:
    """[N, 4] as y1 x1 y2 x2, the lesser corner first."""
    if centre:
        x, y, w, h = boxes.T
        return np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], axis=1)
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([low, high], axis=1)


def _suppressed(boxes: Array, order: Array, most: int, overlap: float) -> list[int]:
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        union = areas[best] + areas[order] - shared
        order = order[~(shared > overlap * union) | (union <= 0)]
    return kept


def _bound(value: Value | None, default: float, dtype: Any) -> Value:
    return number(default, dtype) if value is None else casted(value if value.rank == 0 else reshaped(value, ()), dtype)


@importer("NonMaxSuppression")
def _non_max_suppression(node: OnnxNode) -> Result:
    most = _bound(node.optional(2), 0, i64)
    overlap, least = _bound(node.optional(3), 0.0, f32), _bound(node.optional(4), float("-inf"), f32)
    (limit,) = most.ints or (None,)
    op = NonMaxSuppression(bool(node.attributes.get("center_point_box", 0)), limit)
    return apply(op, node.input(0), node.input(1), most, overlap, least)


class RoiAlign(Op):
    """Regions of x [N, C, H, W] read on a grid: rois [R, 4] (x1 y1 x2 y2), images [R] i64 -> [R, C, height, width].

    Each cell is the mean (or, by ``kind``, the maximum) of bilinear samples, ``sampling`` each way (0: as many as the
    cell is elements wide); coordinates are times ``scale``, less half an element where ``half_pixel`` (RoiAlign-16).
    """

    dtypes = FLOATS

    height: int
    width: int
    kind: str = "avg"
    sampling: int = 0
    scale: float = 1.0
    half_pixel: bool = True

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[R, C, height, width]."""
        x, rois, images = inputs
        if x.rank != 4 or rois.rank != 2 or images.rank != 1 or self.kind not in ("avg", "max"):
            raise MinirtError(f"{self.kind!r} over regions {rois.type} of {x.type} is not known")
        same_dim(rois.shape[0], images.shape[0], "regions and their images")
        return (Tensor(x.dtype, (rois.shape[0], x.shape[1], self.height, self.width)),)

    def reference(self, *arrays: Any) -> Any:
        """Region by region."""
        x, rois, images = (np.asarray(a) for a in arrays)
        out = np.zeros((len(rois), x.shape[1], self.height, self.width), dtype=x.dtype)
        for r, (roi, image) in enumerate(zip(rois, images, strict=True)):
            x1, y1, x2, y2 = roi * self.scale - (0.5 if self.half_pixel else 0.0)
            tall, wide = y2 - y1, x2 - x1
            if not self.half_pixel:
                tall, wide = max(tall, 1.0), max(wide, 1.0)
            rows = self._places(y1, tall / self.height, self.height)
            columns = self._places(x1, wide / self.width, self.width)
            out[r] = self._cells(x[image], rows, columns)
        return out

    def _places(self, start: float, step: float, count: int) -> Array:
        """[count, samples]: where the cells along one side read."""
        each = self.sampling or max(0, int(np.ceil(step)))
        return start + step * (np.arange(count)[:, None] + (np.arange(each)[None, :] + 0.5) / max(each, 1))

    def _cells(self, image: Array, rows: Array, columns: Array) -> Array:
        top, bottom, up, down, row_in = _neighbours(rows.reshape(-1), image.shape[1])
        left, right, before, after, column_in = _neighbours(columns.reshape(-1), image.shape[2])
        inside = row_in[:, None] & column_in[None, :]
        parts = [
            image[:, a[:, None], b[None, :]] * (p[:, None] * q[None, :] * inside)
            for a, p in ((top, up), (bottom, down))
            for b, q in ((left, before), (right, after))
        ]
        shape = (image.shape[0], *rows.shape, *columns.shape)
        if self.kind == "max":
            taken = np.maximum.reduce(parts).reshape(shape)
            return np.asarray(taken.max(axis=(2, 4)) if taken.size else np.zeros((shape[0], shape[1], shape[3])))
        found = np.sum(parts, axis=0).reshape(shape)
        return np.asarray(found.sum(axis=(2, 4)) / max(1, rows.shape[1] * columns.shape[1]))


def _neighbours(at: Array, size: int) -> tuple[Array, Array, Array, Array, Array]:
    """The elements before and after each place, their weights, and which places are within an element of x."""
    inside = (at >= -1) & (at <= size)
    held = np.maximum(at, 0)
    low = np.minimum(np.floor(held).astype(np.int64), size - 1)
    high = np.minimum(low + 1, size - 1)
    share = np.where(low >= size - 1, 0.0, held - low)
    return low, high, 1 - share, share, inside


@importer("RoiAlign")
def _roi_align(node: OnnxNode) -> Result:
    get = node.attributes.get
    mode = str(get("coordinate_transformation_mode", "half_pixel" if node.opset >= 16 else "output_half_pixel"))
    op = RoiAlign(
        int(get("output_height", 1)), int(get("output_width", 1)), str(get("mode", "avg")),
        int(get("sampling_ratio", 0)), float(get("spatial_scale", 1.0)), mode == "half_pixel",
    )  # fmt: skip
    return apply(op, node.input(0), node.input(1), node.input(2))


class MaxRoiPool(Op):
    """The maxima of a grid of cells in regions of x [N, C, H, W]: rois [R, 5] (image, x1 y1 x2 y2), ends included."""

    dtypes = FLOATS

    height: int
    width: int
    scale: float = 1.0

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[R, C, height, width]."""
        x, rois = inputs
        if x.rank != 4 or rois.rank != 2:
            raise MinirtError(f"regions {rois.type} of {x.type} are not pooled")
        same_dim(rois.shape[1], 5, "numbers of a region")
        return (Tensor(x.dtype, (rois.shape[0], x.shape[1], self.height, self.width)),)

    def reference(self, *arrays: Any) -> Any:
        """Cell by cell; an empty cell is 0."""
        x, rois = (np.asarray(a) for a in arrays)
        out = np.zeros((len(rois), x.shape[1], self.height, self.width), dtype=x.dtype)
        for r, (image, *corners) in enumerate(rois):
            x1, y1, x2, y2 = (int(np.floor(c * self.scale + 0.5)) for c in corners)
            tall, wide = max(y2 - y1 + 1, 1) / self.height, max(x2 - x1 + 1, 1) / self.width
            for i, j in np.ndindex(self.height, self.width):
                rows = _clipped(y1 + np.floor(i * tall), y1 + np.ceil((i + 1) * tall), x.shape[2])
                columns = _clipped(x1 + np.floor(j * wide), x1 + np.ceil((j + 1) * wide), x.shape[3])
                cell = x[int(image), :, rows, columns]
                out[r, :, i, j] = cell.max(axis=(1, 2)) if cell.size else 0
        return out


def _clipped(start: float, end: float, size: int) -> slice:
    return slice(int(np.clip(start, 0, size)), int(np.clip(end, 0, size)))


@importer("MaxRoiPool")
def _max_roi_pool(node: OnnxNode) -> Result:
    height, width = node.static_ints("pooled_shape") or (1, 1)
    op = MaxRoiPool(height, width, float(node.attributes.get("spatial_scale", 1.0)))
    return apply(op, node.input(0), node.input(1))
