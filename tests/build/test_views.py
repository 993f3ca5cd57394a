"""Views: strides and offsets that the lowering finds address the elements that NumPy finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minirt.build.views import Placement, dense, reshape_strides, view
from minirt.ir.op import Op
from minirt.ops.movement import Expand, Reshape, Slice, Transpose
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def read(at: Placement, memory: Floats) -> Floats:
    shape = tuple(int(d) for d in at.type.shape)  # type: ignore[arg-type]
    if 0 in shape:
        return np.empty(shape, np.float32)
    strides = tuple(4 * int(s) for s in at.strides)  # type: ignore[arg-type]
    return np.ndarray(shape, np.float32, memory, 4 * int(at.offset), strides)  # type: ignore[arg-type]


@given(st.data())
def test_chains_of_views_address_what_numpy_does(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    memory = np.arange(np.prod(shape), dtype=np.float32)
    want, at = memory.reshape(shape), dense(Tensor(f32, shape))
    for _ in range(data.draw(st.integers(1, 5))):
        op, moved = _draw_view(data, want)
        found = view(op, at, Tensor(f32, tuple(moved.shape)))
        if found is None:
            assert isinstance(op, Reshape) or (isinstance(op, Slice) and min(op.steps) < 0)
            continue
        want, at = moved, found
        np.testing.assert_array_equal(read(at, memory), want)


def _draw_view(data: st.DataObject, x: Floats) -> tuple[Op, Floats]:
    kind = data.draw(st.integers(0, 3))
    if kind == 0:
        perm = tuple(data.draw(st.permutations(range(x.ndim))))
        return Transpose(perm), x.transpose(perm)
    if kind == 1:
        starts = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape)
        steps = tuple(data.draw(st.integers(1, 2)) for _ in x.shape)
        moved = x[tuple(slice(s, None, t) for s, t in zip(starts, steps, strict=True))]
        return Slice(starts, tuple(moved.shape), steps), moved
    if kind == 2:
        shape = (data.draw(st.integers(1, 3)), *(data.draw(st.integers(1, 3)) if n == 1 else n for n in x.shape))
        return Expand(shape), np.broadcast_to(x, shape)
    flat = (x.size,) if data.draw(st.booleans()) else (*x.shape, 1)
    return Reshape(flat), x.reshape(flat)


def test_symbolic_dims_split_and_merge() -> None:
    n, s = symbol("N"), symbol("S")
    shape: tuple[Dim, ...] = (n, s, 768)
    split = reshape_strides(shape, Tensor(f32, shape).strides, (n, s, 12, 64))
    assert split == (768 * s, 768, 64, 1)
    assert reshape_strides((n, 12, s, 64), (s * 768, 64, 768, 1), (n, 12 * s, 64)) is None


def test_a_reshape_of_a_permuted_tensor_knows_its_order() -> None:
    """[N, C, H, W] with channels innermost: pixels joined, or channels split, stay so."""
    at = dense(Tensor(f32, (2, 6, 4, 5), (0, 2, 3, 1)))
    joined = view(Reshape((2, 6, 20)), at, Tensor(f32, (2, 6, 20)))
    assert joined is not None and joined.type.layout == (0, 2, 1) and joined.dense
    rows = view(Transpose((0, 2, 1)), joined, Tensor(f32, (2, 20, 6)))
    assert rows is not None and rows.type.layout == () and rows.dense
    split = view(Reshape((2, 3, 2, 4, 5)), at, Tensor(f32, (2, 3, 2, 4, 5)))
    assert split is not None and split.type.layout == (0, 3, 4, 1, 2) and split.dense
