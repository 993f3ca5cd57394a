"""Attention as an op: its reference against PyTorch's formula in NumPy, and its decomposition against its reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import apply
from minirt.ops.attention import Attention
from minirt.ops.evaluate import evaluate
from minirt.types.dim import symbol
from minirt.types.dtype import bool_, f32, from_numpy
from minirt.types.tensor import Tensor

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def formula(q: Array, k: Array, v: Array, seen: Array, bias: Array, scale: float) -> Array:
    """Query by query, key by key."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    share = q.shape[1] // k.shape[1]
    for b, h, i in np.ndindex(*q.shape[:3]):
        keys, values = k[b, h // share].astype(float), v[b, h // share].astype(float)
        scores = keys @ q[b, h, i].astype(float) * scale + bias[b, h, i]
        use = seen[b, h, i]
        weights = np.exp(scores[use] - scores[use].max(initial=-np.inf))
        out[b, h, i] = weights @ values[use] / weights.sum() if use.any() else np.nan
    return out


def graph(op: Attention, arrays: list[Array], written_out: bool) -> Graph:
    values = [apply(Input(f"x{i}", Tensor(from_numpy(a.dtype), a.shape))) for i, a in enumerate(arrays)]
    return Graph("g", values, [op.decompose(*values) if written_out else apply(op, *values)], ["y"])


CASES = {
    "plain": (Attention(0.5), None, None),
    "causal": (Attention(0.5, causal=True), None, 0),
    "causal later": (Attention(0.25, causal=True, offset=3), None, 3),
    "causal before": (Attention(0.25, causal=True, offset=-2), None, -2),
    "guarded": (Attention(0.25, causal=True, offset=-2, guard=True), None, -2),
    "empty": (Attention(0.25, causal=True, offset=-2, empty=True), None, -2),
    "mask": (Attention(1.0), "bool", None),
    "mask, causal": (Attention(1.0, causal=True), "bool", 0),
    "numbers": (Attention(1.0), "numbers", None),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_it_is_the_formula(name: str, groups: int) -> None:
    op, kind, offset = CASES[name]
    arrays = [drawn(2, 4, 5, 6), drawn(2, groups, 7, 6), drawn(2, groups, 7, 3)]
    shape = (2, 4, 5, 7)
    seen, bias = np.ones(shape, bool), np.zeros(shape)
    if kind == "bool":
        arrays.append(np.arange(7) < np.array([7, 4]).reshape(2, 1, 1, 1))
        seen = seen & arrays[3]
    if kind == "numbers":
        arrays.append(drawn(4, 5, 7))
        bias = bias + arrays[3]
    if offset is not None:
        seen = seen & (np.arange(7) <= np.arange(5)[:, None] + offset)
    want = formula(arrays[0], arrays[1], arrays[2], seen, bias, op.scale)
    want = np.nan_to_num(want) if op.guard or op.empty else want
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    for written_out in (False, True):
        (got,) = evaluate(graph(op, arrays, written_out), feeds, wide=True)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("hidden", [-np.inf, -3e38, -1e4])
def test_what_is_hidden_has_the_score_that_is_said(hidden: float) -> None:
    arrays = [drawn(1, 1, 3, 4), drawn(1, 1, 5, 4), drawn(1, 1, 5, 2), np.zeros((1, 1, 3, 5), bool)]
    arrays[3][..., 0, :2] = True
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    ((got,),) = evaluate(graph(Attention(1.0, hidden=hidden), arrays, False), feeds, wide=True)[0]
    ((also,),) = evaluate(graph(Attention(1.0, hidden=hidden), arrays, True), feeds, wide=True)[0]
    np.testing.assert_allclose(got, also, atol=1e-9)
    if hidden == -np.inf:
        assert np.isnan(got[1:]).all() and np.isfinite(got[0]).all()
    else:
        np.testing.assert_allclose(got[1:], np.broadcast_to(arrays[2][0, 0].mean(0), (2, 2)), atol=1e-6)


def test_operands_that_do_not_fit_are_refused() -> None:
    n = symbol("N")

    def x(*shape: object, dtype: Any = f32) -> Any:
        return apply(Input("x", Tensor(dtype, tuple(shape))))  # type: ignore[arg-type]

    good = x(n, 4, 5, 8), x(n, 2, 7, 8), x(n, 2, 7, 8)
    assert apply(Attention(), *good).shape == (n, 4, 5, 8)
    assert apply(Attention(), *good, x(1, 1, 1, 7, dtype=bool_)).shape == (n, 4, 5, 8)
    for bad in (
        (x(n, 3, 5, 8), *good[1:]),
        (x(n, 4, 5, 6), *good[1:]),
        (*good[:2], x(n, 2, 6, 8)),
        (*good, x(n, 4, 5, 6)),
        (*good, x(2, n, 4, 5, 7)),
    ):
        with pytest.raises(MinirtError):
            apply(Attention(), *bad)
