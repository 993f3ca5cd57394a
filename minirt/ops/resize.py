"""Resizing by interpolation along any axes (ONNX Resize and Upsample)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply
from minirt.ops.contents import sizes_of
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.types.dim import Dim, Expr, divide, floor, maximum, minimum
from minirt.types.dtype import NUMBERS, Array
from minirt.types.tensor import Tensor, Type

MODES = ("nearest", "linear", "cubic")
COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)  # fmt: skip
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")

UP = 1 + 2.0**-36
"""Times this, a sum in float64 that is whole but for the rounding of places and sums is not cut to the one below."""


class Resize(Op):
    """x sampled on a grid of ``sizes``: an element of the result at i along an axis reads x near i / scale.

    ``scales`` and ``sizes`` have one entry for each axis (1 and the axis' own size where it stays).  ``coordinates``
    is how i becomes a place in x, ``nearest`` which neighbour "nearest" takes; ``antialias`` widens linear and cubic
    filters where an axis shrinks; ``exclude_outside`` takes weight from neighbours outside x; ``roi`` (begins, then
    ends, as shares of x) and ``extrapolation`` are for tf_crop_and_resize.  Resize-19.
    """

    dtypes = NUMBERS

    scales: tuple[Dim, ...]
    sizes: tuple[Dim, ...]
    mode: str = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    extrapolation: float = 0.0
    antialias: bool = False
    roi: tuple[float, ...] = ()

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The sizes."""
        (x,) = inputs
        if not len(self.scales) == len(self.sizes) == x.rank:
            raise MinirtError(f"{len(self.scales)} scales and {len(self.sizes)} sizes for {x.rank} axes")
        for name, known in (("mode", MODES), ("coordinates", COORDINATES), ("nearest", NEAREST)):
            if getattr(self, name) not in known:
                raise MinirtError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}")
        return (Tensor(x.dtype, self.sizes),)

    def reference(self, *arrays: Any) -> Any:
        """Axis by axis: a gather, or a product with a matrix of weights."""
        x = np.asarray(arrays[0])
        whole = x.dtype.kind in "iu"
        held = np.float64 if whole or x.dtype == np.float64 else np.float32
        wide: Array = x if self.mode == "nearest" else x.astype(held)
        outside = np.zeros([1] * x.ndim, dtype=bool)
        for axis, size in enumerate(x.shape):
            if self._keeps(axis, size):
                continue
            at = self.places(axis, size)
            if self.coordinates == "tf_crop_and_resize":
                beyond = (at < 0) | (at > size - 1)
                outside = outside | beyond.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
            if self.mode == "nearest":
                wide = np.take(wide, self.neighbours(at, size), axis=axis)
            else:
                weights = self.weights(axis, at, size).astype(wide.dtype)
                wide = np.moveaxis(np.tensordot(weights, wide, axes=(1, axis)), 0, axis)
        if self.coordinates == "tf_crop_and_resize":
            wide = np.where(outside, np.asarray(self.extrapolation, dtype=wide.dtype), wide)
        if whole and self.mode != "nearest":
            limits = np.iinfo(x.dtype)
            wide = np.clip(np.rint(wide) if self.antialias else np.trunc(wide * UP), limits.min, limits.max)
        return wide.astype(x.dtype)

    def _keeps(self, axis: int, size: int) -> bool:
        crops = self.coordinates == "tf_crop_and_resize" and self._roi(axis) != (0.0, 1.0)
        return self.sizes[axis] == size and self.scales[axis] == 1 and not crops

    def _roi(self, axis: int) -> tuple[float, float]:
        rank = len(self.sizes)
        return (self.roi[axis], self.roi[axis + rank]) if self.roi else (0.0, 1.0)

    def places(self, axis: int, size: int) -> Array:
        """Where in x each element along the axis reads, as float64."""
        scale, count = Fraction(self.scales[axis]), int(self.sizes[axis])  # type: ignore[arg-type]
        i = np.arange(count, dtype=np.float64)
        mode = self.coordinates
        over, under = float(scale.numerator), float(scale.denominator)  # so that places halfway are exact
        if mode == "asymmetric":
            return i * under / over
        if mode == "tf_half_pixel_for_nn":
            return (i + 0.5) * under / over
        if mode == "align_corners":
            return i * (size - 1) / (count - 1) if count > 1 else np.zeros(1)
        if mode == "tf_crop_and_resize":
            start, end = self._roi(axis)
            if count == 1:
                return np.array([0.5 * (start + end) * (size - 1)])
            return start * (size - 1) + i * (end - start) * (size - 1) / (count - 1)
        if mode == "pytorch_half_pixel" and count <= 1:
            return np.zeros(count)
        shift = 0.0
        if mode == "half_pixel_symmetric":
            shift = float(size / 2 * (1 - count / float(scale * size)))
        return shift + (i + 0.5) * under / over - 0.5

    def neighbours(self, at: Array, size: int) -> Array:
        """The element of x that "nearest" takes at each place."""
        rounding: dict[str, Callable[[Array], Array]] = {
            "floor": np.floor,
            "ceil": np.ceil,
            "round_prefer_floor": lambda p: np.ceil(p - 0.5),
            "round_prefer_ceil": lambda p: np.floor(p + 0.5),
        }
        return np.clip(rounding[self.nearest](at), 0, size - 1).astype(np.int64)

    def weights(self, axis: int, at: Array, size: int) -> Array:
        """[count, size]: how much of each element of x goes into each of the result, for linear and cubic."""
        shrink = min(1.0, float(self.scales[axis])) if self.antialias else 1.0  # type: ignore[arg-type]
        cubic = self.mode == "cubic"
        if not cubic and not self.antialias:
            at = np.clip(at, 0, size - 1)
        reach = int(np.ceil((2 if cubic else 1) / shrink))
        base = np.floor(at).astype(np.int64)
        taps = base[:, None] + np.arange(-reach + 1, reach + 1)[None, :]
        distance = np.abs(at[:, None] - taps) * shrink
        share = _cubic(distance, self.cubic_a) if cubic else np.maximum(0, 1 - distance)
        if self.exclude_outside:
            share = np.where((taps < 0) | (taps >= size), 0, share)
        if self.exclude_outside or self.antialias:
            share = share / share.sum(axis=1, keepdims=True)
        out = np.zeros((len(at), size))
        rows = np.broadcast_to(np.arange(len(at))[:, None], taps.shape)
        np.add.at(out, (rows, np.clip(taps, 0, size - 1)), share)
        return out


def _cubic(d: Array, a: float) -> Array:
    """Keys' cubic kernel."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def plain(scale: Dim) -> Dim:
    """A scale that was rounded to f32, as the simple fraction that it stands for: 1.3333334 is 4/3."""
    if isinstance(scale, Expr | int):
        return scale
    simple = scale.limit_denominator(1024)
    return simple if np.float32(float(simple)) == np.float32(float(scale)) else scale


def _axes(node: OnnxNode, rank: int) -> tuple[int, ...]:
    given = node.static_ints("axes")
    return tuple(range(rank)) if given is None else tuple(a % rank for a in given)


def _spread(values: Sequence[Dim], axes: Sequence[int], rest: Sequence[Dim]) -> tuple[Dim, ...]:
    if len(values) != len(axes):
        raise MinirtError(f"{len(values)} numbers for {len(axes)} axes")
    out = list(rest)
    for axis, value in zip(axes, values, strict=True):
        out[axis] = value
    return tuple(out)


def _kept_aspect(policy: str, sizes: Sequence[Dim], shape: Sequence[Dim], axes: Sequence[int]) -> tuple[Dim, list[Dim]]:
    """The one scale and the sizes that keep the aspect: no size beyond ("not_larger") or short of those asked for."""
    pick = {"not_larger": minimum, "not_smaller": maximum}.get(policy)
    if pick is None:
        raise MinirtError(f"keep_aspect_ratio_policy is {policy!r}")
    ratios = [divide(s, shape[a]) for s, a in zip(sizes, axes, strict=True)]
    scale: Dim = ratios[0]
    for ratio in ratios[1:]:
        scale = pick(scale, ratio)
    return scale, [floor(scale * shape[a] + Fraction(1, 2)) for a in axes]


def _grid(
    node: OnnxNode, x: Value, scales: Sequence[Dim], sizes: Sequence[Dim], roi: tuple[float, ...]
) -> dict[str, Any]:
    axes = _axes(node, x.rank)
    if sizes:
        policy = str(node.attributes.get("keep_aspect_ratio_policy", "stretch"))
        if policy == "stretch":
            spread = _spread(sizes, axes, x.shape)
            ratios = tuple(
                1 if a is b or (isinstance(a, int) and a == b) else _ratio(a, b)
                for a, b in zip(spread, x.shape, strict=True)
            )
            return {"sizes": spread, "scales": ratios}
        scale, kept = _kept_aspect(policy, sizes, x.shape, axes)
        return {"sizes": _spread(kept, axes, x.shape), "scales": _spread([scale] * len(axes), axes, [1] * x.rank)}
    spread = _spread([plain(s) for s in scales], axes, [1] * x.rank)
    crops = [Fraction(roi[i + x.rank]) - Fraction(roi[i]) if roi else 1 for i in range(x.rank)]
    return {"scales": spread, "sizes": tuple(floor(d * s * c) for d, s, c in zip(x.shape, spread, crops, strict=True))}


def _ratio(a: Dim, b: Dim) -> Dim:
    if not isinstance(b, Expr) and b == 0:
        return 1
    return divide(a, b)


@importer("Resize")
def _resize(node: OnnxNode) -> Result:
    x = node.input(0)
    old = node.opset < 11
    coordinates = "asymmetric" if old else str(node.attributes.get("coordinate_transformation_mode", "half_pixel"))
    scales = node.ints("scales", 1 if old else 2) if len(node.inputs) > 1 else None
    sizes = None if old or node.optional(3) is None else sizes_of(node, "sizes", 3)
    roi = _roi(node, x.rank) if coordinates == "tf_crop_and_resize" else ()
    if not sizes and not scales:
        raise MinirtError("either scales or sizes are needed")
    return apply(_op(node, _grid(node, x, scales or (), sizes or (), roi), coordinates, roi), x)


def _roi(node: OnnxNode, rank: int) -> tuple[float, ...]:
    value = node.input(1)
    if value.ints is None or any(isinstance(d, Expr) for d in value.ints):
        raise MinirtError("roi must be known when the network is built")
    numbers = [float(d) for d in value.ints if not isinstance(d, Expr)]
    axes = _axes(node, rank)
    begins, ends = [0.0] * rank, [1.0] * rank
    for i, axis in enumerate(axes):
        begins[axis], ends[axis] = numbers[i], numbers[i + len(axes)]
    return (*begins, *ends)


def _op(node: OnnxNode, grid: dict[str, Any], coordinates: str, roi: tuple[float, ...]) -> Resize:
    old = node.opset < 11
    get = node.attributes.get
    mode = str(get("mode", "nearest")).removeprefix("bi").removeprefix("tri")
    return Resize(
        **grid,
        mode=mode,
        coordinates=coordinates,
        nearest="floor" if old else str(get("nearest_mode", "round_prefer_floor")),
        cubic_a=float(get("cubic_coeff_a", -0.75)),
        exclude_outside=bool(get("exclude_outside", 0)),
        extrapolation=float(get("extrapolation_value", 0.0)),
        antialias=bool(get("antialias", 0)),
        roi=roi,
    )


@importer("Upsample")
def _upsample(node: OnnxNode) -> Result:
    x = node.input(0)
    given = node.attributes.get("scales")
    scales = [_exact(s) for s in given] if given is not None else list(node.ints("scales", 1) or ())
    return apply(_op(node, _grid(node, x, scales, (), ()), "asymmetric", ()), x)


def _exact(value: float) -> Dim:
    return Fraction(float(np.float32(value)))
