"""Scalar expressions: parsing, typing, printing by NumPy, folding, JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.errors import MinirtError
from minirt.ir.scalar import (
    Body,
    Scalar,
    arg,
    call,
    cast,
    const,
    decode,
    encode,
    index,
    postorder,
    rebuild,
    text_of,
    uses_index,
)
from minirt.ir.scalar_numpy import run_body, symbolic
from minirt.ir.scalar_parse import ScalarFunction
from minirt.ir.vocabulary import exp, tanh
from minirt.types.dim import symbol
from minirt.types.dtype import bool_, f16, f32, f64, i8, i32, i64, u8


def _leaky(x: float, alpha: float) -> float:
    """With a conditional."""
    return x if x > 0.0 else alpha * x


def _named(x: float) -> float:
    """With local names."""
    e = exp(x)
    return e / (1.0 + e) + tanh(pi)


def _loop(x: float) -> float:
    for _ in range(3):
        x = x + x
    return x


pi = math.pi


def test_parsed_functions_compute() -> None:
    """Conditionals, local names and fields."""
    x = np.linspace(-2, 2, 9).astype(np.float32)
    (got,) = run_body(ScalarFunction(_leaky).typed((f32,), {"alpha": 0.25}, f32), [x])
    np.testing.assert_allclose(got, np.where(x > 0, x, 0.25 * x))
    with pytest.raises(MinirtError, match="constants alone"):
        ScalarFunction(_named).typed((f32,), {}, f32)
    with pytest.raises(MinirtError, match="is not scalar"):
        ScalarFunction(_loop).typed((f32,), {}, f32)


def test_equal_trees_are_one_object() -> None:
    """Interned, whatever made them."""
    x = arg(0, f32)
    assert call("add", x, const(1.0, f32)) is call("add", x, const(1, f32))
    assert call("add", x, const(0.0, f32)) is not call("add", x, const(-0.0, f32))
    assert call("exp", x) is not call("exp", arg(1, f32))


def test_narrow_floats_compute_in_f32() -> None:
    """Widened on load, rounded once."""
    body = ScalarFunction(_leaky).typed((f16,), {"alpha": 0.1}, f16)
    assert body.dtypes == (f16,)
    assert {n.dtype for n in postorder(body.results) if n.fn == "mul"} == {f32}
    x = np.array([-1.0, -3.0], np.float16)
    (got,) = run_body(body, [x])
    np.testing.assert_array_equal(got, (np.float32(0.1) * x.astype(np.float32)).astype(np.float16))
    (wide,) = run_body(body, [x.astype(np.float64)], wide=True)
    assert wide.dtype == np.float64


def test_casts() -> None:
    """Same type is nothing; there and back from narrow to wide is nothing; constants are held by the type."""
    x = arg(0, f16)
    assert cast(x, f16) is x and cast(cast(x, f32), f16) is x
    assert cast(cast(arg(0, f32), f16), f32) is not arg(0, f32)
    assert cast(const(1.5, f32), f64).value == 1.5
    assert cast(const(2, i64), bool_).value is True
    (got,) = run_body(Body((f32,), (cast(arg(0, f32), i32),)), [np.array([-1.7, 1.7], np.float32)])
    assert got.tolist() == [-1, 1]


def test_ill_typed_trees_are_refused() -> None:
    """Mixed types, wrong arity, unknown words."""
    with pytest.raises(MinirtError, match="mixes"):
        call("add", arg(0, f32), arg(1, i32))
    with pytest.raises(MinirtError, match="not a scalar expression"):
        call("add", arg(0, f32))
    with pytest.raises(MinirtError):
        call("launch", arg(0, f32))


INTEGER = ["add", "sub", "mul", "min", "max", "div", "mod", "fmod", "bitand", "bitor", "bitxor", "lt", "eq"]


@pytest.mark.parametrize("fn", INTEGER)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(-100, 100), st.integers(1, 100), st.booleans())
def test_integers(fn: str, a: int, b: int, negate: bool) -> None:
    """As C does: division toward zero; mod takes the divisor's sign, fmod the dividend's."""
    b = -b if negate else b
    wanted = {
        "add": a + b, "sub": a - b, "mul": a * b, "min": min(a, b), "max": max(a, b), "div": int(a / b),
        "mod": a % b, "fmod": int(math.fmod(a, b)), "bitand": a & b, "bitor": a | b, "bitxor": a ^ b,
        "lt": a < b, "eq": a == b,
    }[fn]  # fmt: skip
    body = Body((i64, i64), (call(fn, arg(0, i64), arg(1, i64)),))
    (got,) = run_body(body, [np.array(a), np.array(b)])
    assert got == wanted
    exact = symbolic(body, [a, b])
    assert exact is None or exact == wanted
    assert (exact is None) == (fn in ("fmod", "bitand", "bitor", "bitxor"))


def test_shifts_outside_the_width_give_zero() -> None:
    """No undefined behaviour."""
    for dtype, kind in ((u8, np.uint8), (i8, np.int8)):
        x, by = np.array([1, 100, 100], kind), np.array([7, 8, 100], kind)
        (left,) = run_body(Body((dtype, dtype), (call("shl", arg(0, dtype), arg(1, dtype)),)), [x, by])
        assert left[1:].tolist() == [0, 0]


def test_symbolic_contents() -> None:
    """Exact rules over dims; None where there is none."""
    n = symbol("N")
    div = Body((i64, i64), (call("div", arg(0, i64), arg(1, i64)),))
    assert symbolic(div, [n * 6, 3]) is n * 2
    assert symbolic(div, [n, 0]) is None
    assert symbolic(Body((f32,), (call("exp", arg(0, f32)),)), [n]) is None
    half = Body((i64,), (cast(call("mul", cast(arg(0, i64), f32), const(0.5, f32)), i64),))
    assert str(symbolic(half, [n])) == "floor(1/2*N)"


def test_index_reads_coordinates() -> None:
    """Along an axis counted from the end."""
    body = Body((i64,), (call("add", arg(0, i64), index(-2)),))
    (got,) = run_body(body, [np.zeros((2, 3), np.int64)])
    assert got.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert uses_index(body.results) and not uses_index((arg(0, f32),))


def _tree() -> Scalar:
    x, y = arg(0, f32), arg(1, f32)
    shared = call("exp", call("add", x, y))
    return cast(call("select", call("lt", shared, const(float("inf"), f32)), shared, const(float("nan"), f32)), f16)


def test_json() -> None:
    """Encoded and decoded to the same object; damaged text is refused."""
    body = Body((f32, f32), (_tree(), arg(1, f32)))
    text = json.dumps(encode(body), allow_nan=False)
    assert decode(json.loads(text)) == body
    for damaged in ([], [["f32"], [], [0]], [["f32"], [["add", "f32", [0, 1], None]], [0]], [["f99"], [], []]):
        with pytest.raises(MinirtError):
            decode(damaged)


def test_rebuild_replaces_leaves() -> None:
    """Operands swapped; sharing kept."""
    (swapped,) = rebuild((_tree(),), lambda n: arg(1 - int(n.value or 0), n.dtype) if n.fn == "arg" else n)
    assert len(postorder([swapped])) == len(postorder([_tree()]))
    assert "add($1:f32, $0:f32)" in text_of(swapped)
