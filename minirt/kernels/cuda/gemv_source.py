"""The generator of products of a few rows, at memory speed.

m <= rows; x = ceil(n / (16 / share)) for b_by_k (half as many columns with two sums), else ceil(n / (8 * E)), E = 16
bytes of elements (1 unless fast), y = ceil(m / rows), z = nb0 * nb1.  Spec: rows, b_by_k, fast, share (1, 2, 4, 8:
warps of a block that share k; b_by_k only), unroll, ahead (b is a constant).

``sums`` 2: the epilogue joins the sums of two products, of the same strides; ``b2`` is the address of the other b.
``norm``: rows of a are normalized first: kind, epsilon, k, body (what is done with a normalized number, and with
operands ``s0``.. of steps ``s0_k``..), modes (how they run along k, as extra operands do along n), ahead (they are
constants).
"""

from __future__ import annotations

from typing import Any

from minirt.ir.scalar import decode
from minirt.ir.scalar_cuda import cuda_function, register_type
from minirt.kernels.cuda.generate import STORAGE, body_file
from minirt.kernels.cuda.matrix_source import Args, Source, Spec, assemble, constants_text, element_bytes, product_args

_KINDS = ("", "rms", "layer")


def gemv(spec: Spec) -> Source:
    """Product with a few rows; f16, bf16, f32, summed in f32."""
    norm, gated = spec.get("norm"), spec.get("sums", 1) > 1
    constants: dict[str, Any] = {"ROWS": spec["rows"], "B_BY_K": bool(spec["b_by_k"]), "FAST": bool(spec["fast"])}
    constants |= {"SHARE": spec["share"], "UNROLL": spec["unroll"], "AHEAD_B": bool(spec["ahead"]), "GATED": gated}
    constants |= {"WARPS": 8, "E": 16 // element_bytes(spec["dtype"]) if spec["fast"] else 1}
    args: Args = product_args(spec) + ([("b2", "ptr")] if gated else [])
    for i in range(len(norm["modes"]) if norm else 0):
        args += [(f"s{i}", "ptr"), (f"s{i}_k", "i64")]
    other = "(const In*)p.b2" if gated else "(const In*)p.b"
    middle = f"DEV const In* second(const Args& p) {{ return {other}; }}\n"
    middle += norm_text(norm, spec["rows"] <= 2) if norm else _NONE
    bound = "__launch_bounds__(256, 2)" if norm and spec["rows"] > 2 else ""  # else a few registers spill
    return assemble("gemv", ["gemv.cuh"], args, spec, constants, 256, bound=bound, follow="", middle=middle)


_NONE = """[[maybe_unused]] constexpr int NORM = 0, NORM_K = 1;
[[maybe_unused]] constexpr bool NORM_AHEAD = false, NORM_HELD = false;
template <int V> struct Side {};
template <int V> DEV void load_side(Side<V>&, const Args&, int) {}
DEV void normalize(In*, const In*, const Args&, int, const Side<E>&) {}
"""


def norm_text(norm: Spec, held: bool) -> str:
    """``normalize`` and what it asks for; ``held``: threads have registers for what they read before their numbers."""
    body = decode(norm["body"])
    fields, loads = "", ""
    for i, (dtype, mode) in enumerate(zip(body.args[1:], norm["modes"], strict=True)):
        fields += f"  {register_type(dtype)} x{i}[V];\n"
        loads += f"  load_extra<{int(mode)}, V>(s.x{i}, (const {STORAGE[dtype.name]}*)p.s{i}, p.s{i}_k, k, V);\n"
    constants: dict[str, int | bool] = {"NORM": _KINDS.index(norm["kind"]), "NORM_K": norm["k"], "NORM_HELD": held}
    constants["NORM_AHEAD"] = bool(norm["ahead"])
    values = ", ".join(["x", *(f"s.x{i}[j]" for i in range(len(norm["modes"])))])
    return (
        constants_text(constants)
        + f"constexpr float EPSILON = {float(norm['epsilon']).hex()}f;\n"
        + cuda_function(body, "prologue")
        + f"template <int V> struct Side {{\n{fields}}};\n"
        + f"template <int V> DEV void load_side(Side<V>& s, const Args& p, int k) {{\n{loads}}}\n"
        + f"template <int V> DEV float normal(const Side<V>& s, float x, int j) {{\n  return prologue({values});\n}}\n"
        + body_file("gemv_norm.cuh")
    )
