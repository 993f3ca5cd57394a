"""The CUDA printer of scalar expressions: every function of every type compiles; constants and refusals."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from minirt.ir.scalar import ARITY, BINARY, COMPARE, LOGIC, UNARY, Body, Scalar, arg, call, cast, const, index
from minirt.ir.scalar_cuda import cuda_function, index_axes, prints
from minirt.kernels.cuda.compile import compile_source
from minirt.kernels.cuda.generate import body_file, kernel_text
from minirt.types.dtype import DType, bf16, bool_, dtype_of, f4, f16, f32, f64, i32, i64

TYPES = [dtype_of(name) for name in "f16 bf16 f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 bool".split()]
FLOAT_ONLY = frozenset("sqrt rsqrt recip exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf log1p "
                       "expm1 atan2 floor ceil round trunc".split())  # fmt: skip
BITS = frozenset("bitand bitor bitxor bitnot shl shr".split())
TRUTHS = frozenset("and or xor not".split())


def takes(fn: str, dtype: DType) -> bool:
    if fn in TRUTHS:
        return dtype is bool_
    if fn in BITS:
        return dtype.is_integer
    if dtype is bool_:
        return fn in ("eq", "ne", "min", "max")
    return not (fn in FLOAT_ONLY and not dtype.is_float)


@pytest.mark.compile
@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_90a"])
def test_every_function_of_every_type_compiles(arch: str) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    head = []
    for dtype in TYPES:
        for fn in sorted(UNARY | BINARY | COMPARE | LOGIC):
            if takes(fn, dtype):
                body = Body((dtype, dtype), (call(fn, *(arg(i, dtype) for i in range(ARITY[fn]))),))
                assert prints(body) == ""
                head.append(cuda_function(body, f"{fn}_{dtype}"))
        casts = Body((dtype,), tuple(cast(arg(0, dtype), other) for other in TYPES))
        head.append(cuda_function(casts, f"cast_{dtype}"))
    source = kernel_text("all", [], "", 32, False, "".join(head))
    assert compile_source(source, arch).cubin[:4] == b"\x7fELF"


def test_constants_are_exact() -> None:
    body = Body(
        (), tuple(const(x, f32) for x in (0.1, math.inf, -math.inf, math.nan)) + (const(-1, i64), const(0.1, f64))
    )
    text = cuda_function(body, "constants")
    for wanted in ("0x1.99999a0000000p-4f", "0x7f800000u", "0xff800000u", "0x7fffffffu", "0xffffffffffffffffull",
                   "0x1.999999999999ap-4;"):  # fmt: skip
        assert wanted in text


def test_the_last_rounding_is_left_to_the_store_and_others_are_kept() -> None:
    rounded = cast(call("add", arg(0, f16), arg(1, f16)), f16)
    assert "round_f16" not in cuda_function(Body((f16, f16), (rounded,)), "f")
    twice = cast(call("mul", rounded, rounded), bf16)
    text = cuda_function(Body((f16, f16), (twice,)), "f")
    assert text.count("round_f16") == 1 and "round_bf16" not in text


def test_coordinates_are_parameters_in_order() -> None:
    body = Body((), (call("add", index(-1), index(-3)),))
    assert index_axes(body) == (-3, -1)
    assert cuda_function(body, "f").startswith("DEV i64 f(i64 x3, i64 x1)")


def test_types_without_a_register_form_are_refused_in_a_sentence() -> None:
    assert "f4" in prints(Body((f4,), (cast(arg(0, f4), f32),)))


def silu(x: Scalar) -> Scalar:
    return call("div", x, call("add", const(1, f32), call("exp", call("neg", x))))


def gelu(x: Scalar) -> Scalar:
    inner = call("add", const(1, f32), call("erf", call("mul", x, const(0.5**0.5, f32))))
    return call("mul", call("mul", const(0.5, f32), x), inner)


@pytest.mark.parametrize("dtype", [f16, bf16, f32], ids=str)
def test_only_results_of_16_bits_are_computed_less_exactly(dtype: DType) -> None:
    text = cuda_function(Body((f32,), (cast(call("add", silu(arg(0, f32)), gelu(arg(0, f32))), dtype),)), "f")
    near = ("exp_near(", "recip_large(" if dtype is f16 else "recip_near(", f"one_plus_erf_{dtype}(")
    exact = ("expf(", " / ", "erff(")
    assert all(x in text for x in (exact if dtype is f32 else near))
    assert not any(x in text for x in (near if dtype is f32 else exact[:2]))


def test_gelu_in_any_order_of_its_factors_is_one_function_of_f16() -> None:
    x, half = call("add", arg(0, f32), const(3, f32)), const(0.5, f32)
    inners = (call("mul", const(0.5**0.5, f32), x), call("div", x, const(2**0.5, f32)))
    for inner in inners:
        one = call("add", call("erf", inner), const(1, f32))
        forms = [call("mul", call("mul", x, one), half), call("mul", x, call("mul", half, one))]
        forms += [call("mul", call("mul", half, x), one), call("mul", one, call("mul", x, half))]
        for dtype in (f16, bf16, f32):
            texts = [cuda_function(Body((f32,), (cast(form, dtype),)), "f") for form in forms]
            assert all(("gelu_f16(t0)" in text) == (dtype is f16) for text in texts)
    other = call("add", call("erf", call("mul", arg(0, f32), const(0.5**0.5, f32))), const(1, f32))
    unlike = [call("mul", call("mul", x, other), half), call("mul", call("mul", x, one), const(0.25, f32))]
    unlike += [call("mul", call("mul", x, call("add", call("erf", x), const(1, f32))), half)]
    assert not any("gelu_f16" in cuda_function(Body((f32,), (cast(form, f16),)), "f") for form in unlike)


def test_functions_after_tf32_products_are_computed_less_exactly() -> None:
    for form, near in ((silu, "recip_near("), (gelu, "gelu_tf32(")):
        body = Body((f32,), (form(arg(0, f32)),))
        assert near in cuda_function(body, "f", True) and near not in cuda_function(body, "f")
    erf = Body((f32,), (call("add", const(1, f32), call("erf", arg(0, f32))),))
    assert "erff(" in cuda_function(erf, "f", True)
    whole = Body((f32,), (cast(call("div", arg(0, f32), const(3, f32)), i32),))
    assert cuda_function(whole, "f", True) == cuda_function(whole, "f")


def test_gelu_after_tf32_products_is_near() -> None:
    """The text's numbers, in NumPy's float32 as the device computes them."""
    text = body_file("elements.cuh")
    fit = re.findall(r"-?\d[\d.e-]+(?=f[,)])", text[text.index("float gelu_tf32") :].split("}")[0])
    x = np.linspace(-9, 9, 20001, dtype=np.float32)
    y, power = np.minimum(np.abs(x), np.float32(8)), np.zeros_like(x)
    for number in fit:
        power = (power.astype(np.float64) * y + np.float32(number)).astype(np.float32)
    got = np.maximum(x, 0).astype(np.float64) - y * np.exp2(power.astype(np.float64))
    want = np.array([0.5 * v * math.erfc(-v / math.sqrt(2)) for v in x.tolist()])
    assert len(fit) == 8 and np.abs(got - want).max() < 6e-7
    negative = (x < 0) & (x >= -5)
    assert np.abs(got[negative] / want[negative] - 1).max() < 5e-6


def test_one_precise_result_keeps_all_precise() -> None:
    x = call("exp", arg(0, f32))
    assert "near" not in cuda_function(Body((f32,), (cast(x, f16), x)), "f")
