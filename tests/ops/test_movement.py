"""Shapes, parts and moves of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minirt.errors import MinirtError
from tests.ops.harness import check, check_symbolic, import_model, one_node
from tests.ops.strategies import array, attributes_of, quick, shapes

SIZES = [{"N": 1, "S": 4}, {"N": 3, "S": 7}, {"N": 2, "S": 1}]
ANY_DTYPE = st.sampled_from([np.float32, np.int64, np.uint8, np.bool_, np.float16])


def i64(*values: int) -> np.ndarray[Any, Any]:
    """A vector of i64."""
    return np.array(values, np.int64)


@quick
@given(shape=shapes(1, 4), data=st.data(), dtype=ANY_DTYPE)
def test_reshape(shape: tuple[int, ...], data: st.DataObject, dtype: Any) -> None:
    """Shuffled factors, one of them -1, or dims kept by 0."""
    target = list(data.draw(st.permutations(shape)))
    if data.draw(st.booleans()):
        target[data.draw(st.integers(0, len(target) - 1))] = -1
    elif target[0] == shape[0]:
        target[0] = 0
    check("Reshape", [array(shape, dtype), i64(*target)], constants=(1,))


def test_reshape_with_zero_dims() -> None:
    """With allowzero a 0 is a size."""
    x = np.zeros((0, 3, 4), np.float32)
    check("Reshape", [x, i64(3, 4, 0)], constants=(1,), allowzero=1)
    check("Reshape", [x, i64(0, 12)], constants=(1,))


def test_reshape_by_symbols() -> None:
    """0 and -1 become expressions."""
    check_symbolic("Reshape", [("N", "S", 4), i64(0, -1)], SIZES)
    check_symbolic("Reshape", [("N", "S", 6), i64(-1, 2, 3)], SIZES)
    check_symbolic("Flatten", [("N", 2, "S")], SIZES, axis=1)
    check_symbolic("Flatten", [("N", 2, "S")], SIZES, axis=-1)


@quick
@given(shape=shapes(1, 4), axis=st.integers(-4, 4))
def test_flatten(shape: tuple[int, ...], axis: int) -> None:
    """Any axis up to the rank."""
    assume(-len(shape) <= axis <= len(shape))
    check("Flatten", [array(shape)], axis=axis)


@quick
@given(shape=shapes(0, 5), data=st.data(), dtype=ANY_DTYPE)
def test_transpose(shape: tuple[int, ...], data: st.DataObject, dtype: Any) -> None:
    """Any order, or all reversed."""
    order = list(data.draw(st.permutations(range(len(shape)))))
    reverse: bool = data.draw(st.booleans())
    perm = order if order and not reverse else None
    check("Transpose", [array(shape, dtype)], **attributes_of(perm=perm))


@quick
@given(shape=shapes(1, 4), data=st.data())
def test_expand(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Either side may have the 1."""
    own = tuple(1 if data.draw(st.booleans()) else d for d in shape)
    want = [1 if data.draw(st.booleans()) else d for d in shape]
    lead = data.draw(st.lists(st.integers(1, 3), max_size=2))
    check("Expand", [array(own), i64(*lead, *want)], constants=(1,))


def test_expand_by_symbols() -> None:
    """Known and named dims."""
    check_symbolic("Expand", [("N", 1, "S"), i64(2, 1, 5, 1)], SIZES)


@pytest.mark.parametrize("opset", [11, 13])
@quick
@given(shape=shapes(1, 3), places=st.sets(st.integers(0, 4), min_size=1, max_size=2), negative=st.booleans())
def test_unsqueeze_and_squeeze(opset: int, shape: tuple[int, ...], places: set[int], negative: bool) -> None:
    """Axes as attribute or operand; in place and back."""
    rank = len(shape) + len(places)
    assume(max(places) < rank)
    axes = [p - rank if negative else p for p in sorted(places)]
    full = list(shape)
    for p in sorted(places):
        full.insert(p, 1)
    for op, x in (("Unsqueeze", array(shape)), ("Squeeze", array(tuple(full)))):
        if opset < 13:
            check(op, [x], opset=opset, axes=axes)
        else:
            check(op, [x, i64(*axes)], opset=opset, constants=(1,))


def test_squeeze_of_all() -> None:
    """Without axes every 1 goes; an axis that is not 1 is refused."""
    check("Squeeze", [array((1, 3, 1, 2))])
    check_symbolic("Squeeze", [(1, "N", 1, "S"), i64(0, -2)], SIZES)
    with pytest.raises(MinirtError, match="cannot be squeezed"):
        import_model(one_node("Squeeze", [array((2, 3)), i64(0)], constants=(1,)))


@quick
@given(shape=shapes(1, 3), count=st.integers(1, 3), data=st.data(), dtype=ANY_DTYPE)
def test_concat(shape: tuple[int, ...], count: int, data: st.DataObject, dtype: Any) -> None:
    """Along any axis."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for i in range(count):
        own = list(shape)
        own[axis] = data.draw(st.integers(0, 3))
        parts.append(array(tuple(own), dtype, i))
    check("Concat", parts, axis=axis)


def test_concat_of_symbols() -> None:
    """Dims of the axis add up; others must agree."""
    check_symbolic("Concat", [("N", "S"), ("N", 3), ("N", "S")], SIZES, axis=1)


@quick
@given(shape=shapes(1, 3, smallest=0), data=st.data(), opset=st.sampled_from([1, 9, 13]))
def test_slice(shape: tuple[int, ...], data: st.DataObject, opset: int) -> None:
    """Starts, ends and steps far outside the dims too, of both signs."""
    rank = len(shape)
    axes = sorted(data.draw(st.sets(st.integers(0, rank - 1), min_size=1)))
    far = st.integers(-8, 8) | st.sampled_from([2**63 - 1, -(2**63), 2**31 - 1, -(2**31)])
    starts, ends = (data.draw(st.lists(far, min_size=len(axes), max_size=len(axes))) for _ in range(2))
    axes = [a - rank if data.draw(st.booleans()) else a for a in axes] if opset > 10 else axes
    if opset < 10:
        check("Slice", [array(shape)], opset=opset, starts=starts, ends=ends, axes=axes)
        return
    steps = data.draw(st.lists(st.sampled_from([1, 2, 3, -1, -2]), min_size=len(axes), max_size=len(axes)))
    # Backwards to the largest integer is nothing, though onnxruntime reads it as "to the first".
    ends = [9 if e > 9 and s < 0 else e for e, s in zip(ends, steps, strict=True)]
    check("Slice", [array(shape), i64(*starts), i64(*ends), i64(*axes), i64(*steps)], constants=(1, 2, 3, 4))


SLICES = [
    (0, 2**63 - 1, 1),
    (1, 2**63 - 1, 1),
    (-2, 2**63 - 1, 1),
    (0, -1, 1),
    (2, 5, 1),
    (1, -1, 2),
    (-1, -(2**63), -1),
    (2**31 - 1, -(2**31), -2),
    (-9, 3, 1),
    (3, 0, -1),
]


@pytest.mark.parametrize(("start", "end", "step"), SLICES)
def test_slice_of_symbols(start: int, end: int, step: int) -> None:
    """Clamped at every size."""
    check_symbolic("Slice", [("N", "S"), i64(start), i64(end), i64(1), i64(step)], SIZES)


def test_slice_without_known_places() -> None:
    """Starts and ends that only the data tells."""
    for start, end, step in ((1, 3, 1), (-1, -9, -1), (5, 0, -2), (4, 99, 3)):
        check("Slice", [array((4, 6)), i64(start), i64(end), i64(1), i64(step)], constants=(3, 4))


@quick
@given(shape=shapes(1, 3, side=7), data=st.data(), opset=st.sampled_from([11, 13, 18]))
def test_split(shape: tuple[int, ...], data: st.DataObject, opset: int) -> None:
    """Equal parts, given parts, and uneven ones."""
    axis = data.draw(st.integers(0, len(shape) - 1))
    n = shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=2)))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    x = array(shape)
    if opset < 13:
        check("Split", [x], outputs=len(sizes), opset=opset, axis=axis, split=sizes)
    elif data.draw(st.booleans()) or opset == 13:
        check("Split", [x, i64(*sizes)], outputs=len(sizes), opset=opset, constants=(1,), axis=axis)
    else:
        count = data.draw(st.integers(1, 3))
        chunk = -(-n // count)
        assume(chunk * (count - 1) < n)
        check("Split", [x], outputs=count, opset=opset, axis=axis, num_outputs=count)


def test_split_of_symbols() -> None:
    """Halves, the second one smaller where the size is odd."""
    sizes = [{"N": 1, "T": 4}, {"N": 2, "T": 6}, {"N": 2, "T": 7}]
    check_symbolic("Split", [("N", "T")], sizes, outputs=2, axis=1, opset=18, num_outputs=2)


@quick
@given(shape=shapes(1, 3, smallest=3), data=st.data(), mode=st.sampled_from(["constant", "reflect", "edge", "wrap"]))
def test_pad(shape: tuple[int, ...], data: st.DataObject, mode: str) -> None:
    """Added and, for the constant, taken away."""
    least = -1 if mode == "constant" else 0
    pads = data.draw(st.lists(st.integers(least, 2), min_size=2 * len(shape), max_size=2 * len(shape)))
    value = [np.float32(1.5)] if mode == "constant" and data.draw(st.booleans()) else []
    check("Pad", [array(shape), i64(*pads), *value], opset=19, constants=(1,), mode=mode)


def test_pad_of_old_opsets_and_axes() -> None:
    """Attributes; a choice of axes; other types."""
    check("Pad", [array((2, 3))], opset=10, pads=[0, 1, 2, 0], value=2.0)
    check("Pad", [array((2, 3)), i64(1, 2), None, i64(-1)], opset=18, constants=(1, 3))
    check("Pad", [array((2, 3), np.int64), i64(1, 0, 0, 2), np.int64(7)], constants=(1,))
    check_symbolic("Pad", [("N", "S"), i64(0, 1, 0, 2)], SIZES)


@quick
@given(shape=shapes(1, 3), data=st.data())
def test_tile(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Any repeats, 0 too."""
    repeats = data.draw(st.lists(st.integers(0, 3), min_size=len(shape), max_size=len(shape)))
    check("Tile", [array(shape), i64(*repeats)], constants=(1,))


def test_tile_of_symbols() -> None:
    """Named dims multiply."""
    check_symbolic("Tile", [("N", 2, "S"), i64(2, 1, 3)], SIZES)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode: str) -> None:
    """Both orders, and back."""
    check("DepthToSpace", [array((2, 8, 3, 2))], blocksize=2, mode=mode)
    check_symbolic("DepthToSpace", [("N", 8, "S", 3)], SIZES, blocksize=2, mode=mode)


def test_space_to_depth() -> None:
    """Blocks become channels."""
    check("SpaceToDepth", [array((2, 3, 4, 6))], blocksize=2)


@quick
@given(shape=shapes(0, 4), start=st.integers(-5, 5), end=st.integers(-5, 5))
def test_shape(shape: tuple[int, ...], start: int, end: int) -> None:
    """Part of the dims."""
    check("Shape", [array(shape)], start=start, end=end)
    check("Size", [array(shape)])


def test_shape_of_symbols() -> None:
    """The contents are the dims themselves."""
    graph = check_symbolic("Shape", [("N", 3, "S")], SIZES)
    assert [str(d) for d in graph.outputs[0].ints or ()] == ["N", "3", "S"]
    graph = check_symbolic("Size", [("N", 3, "S")], SIZES)
    assert [str(d) for d in graph.outputs[0].ints or ()] == ["3*N*S"]
