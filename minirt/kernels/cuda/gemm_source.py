"""Generators of the matrix-product and convolution kernels that run on every tensor-core GPU (sm_80 and later).

Each takes a ``spec`` (see ``matrix_source``) and returns a ``Source``; grids:

- ``mma``: x = ceil(m / BM) * ceil(n / BN), y = parts of a split K (else 1), z = nb0 * nb1; dynamic shared memory.
  Spec: tile [BM, BN, BK], warps [WM, WN], stages, a_by_k, b_by_k (False: rows of the operand run along m or n),
  vec_a, vec_b (elements a copy: 16, 8, 4 or 2 bytes, which addresses and row strides must be multiples of), split, x3
  (3xTF32), conv, transposed.  With ``split`` partial sums [parts, nb0 * nb1, m, n] f32 go to ``partial``, k_part is a
  multiple of BK, and ``split_sum`` finishes.
- ``simt``: x as above with BM = BN = 64 or 128, z = nb0 * nb1.  Any strides.
- ``gemv``: m <= ROWS; x = ceil(n / 16) for b_by_k, else ceil(n / (8 * E)), E = 16 bytes of elements (1 unless fast).
- ``split_sum``: x = ceil(nb0 * nb1 * m * ceil(n / 4) / 256).
- ``depthwise``: x = ceil(images * oh * ceil(ow / TW) * ceil(c / V) / 256).
"""

from __future__ import annotations

from typing import Any

from minirt.kernels.cuda.matrix_source import BYTES, Args, Source, Spec, assemble, extra_args, image_args, product_args


def _extras(spec: Spec) -> Args:
    return extra_args(len(spec["epilogue"]["extras"])) if spec.get("epilogue") else []


def mma(spec: Spec) -> Source:
    """Tensor-core product or convolution by mma.sync and cp.async; f16, bf16, f32 (as TF32, or 3xTF32 with x3)."""
    bm, bn, bk = spec["tile"]
    wm, wn = spec["warps"]
    stages, split, conv = spec["stages"], bool(spec.get("split")), bool(spec.get("conv"))
    args = product_args(split) + (image_args() if conv else []) + ([] if split else _extras(spec))
    constants: dict[str, Any] = {
        "BM": bm, "BN": bn, "BK": bk, "STAGES": stages, "WM": wm, "WN": wn,
        "VEC_A": spec["vec_a"], "VEC_B": spec["vec_b"], "CONV": conv, "TRANSPOSED": bool(spec.get("transposed")),
        "A_BY_K": conv or bool(spec["a_by_k"]), "B_BY_K": bool(spec["b_by_k"]), "SPLIT": split, "X3": bool(spec.get("x3")),
    }
    shared = stages * (bm + bn) * bk * BYTES[spec["dtype"]]
    used = {**spec, "epilogue": None, "out": "f32"} if split else spec
    return assemble("conv_mma" if conv else "gemm_mma", ["tile.cuh", "gather.cuh", "gemm_mma.cuh"], args, used, constants,
                    32 * wm * wn, shared=shared)


def simt(spec: Spec) -> Source:
    """Product or convolution by plain multiply-adds, exact in the accumulator: f16, bf16, f32 in f32, f64, i32, i64."""
    bm, bn = spec["tile"][:2]
    conv, acc = bool(spec.get("conv")), {"f64": "double", "i32": "int", "i64": "i64"}.get(spec["dtype"], "float")
    args = product_args() + (image_args() if conv else []) + _extras(spec)
    constants = {"BM": bm, "BN": bn, "CONV": conv, "TRANSPOSED": bool(spec.get("transposed")),
                 "A_BY_K": conv or bool(spec["a_by_k"]), "B_BY_K": bool(spec["b_by_k"])}
    return assemble("conv_simt" if conv else "gemm_simt", ["tile.cuh", "gather.cuh", "gemm_simt.cuh"], args, spec, constants, 256, acc=acc)


def gemv(spec: Spec) -> Source:
    """Product with at most 8 rows, at memory speed; f16, bf16, f32, summed in f32."""
    constants = {"ROWS": spec["rows"], "B_BY_K": bool(spec["b_by_k"]), "FAST": bool(spec["fast"])}
    return assemble("gemv", ["tile.cuh", "gemv.cuh"], product_args() + _extras(spec), spec, constants, 256)


def split_sum(spec: Spec) -> Source:
    """Adds the partial sums of a split K in order and finishes."""
    args: Args = [("partial", "ptr"), ("c", "ptr"), *((x, "i32") for x in ("m", "n", "nb0", "nb1", "parts")),
                  ("ldc", "i64"), ("c_b0", "i64"), ("c_b1", "i64"), *_extras(spec)]
    return assemble("split_sum", ["tile.cuh", "split_sum.cuh"], args, {**spec, "dtype": "f32"}, {"FAST": bool(spec["out_vec"])}, 256)


def depthwise(spec: Spec) -> Source:
    """Depthwise convolution, channels last, weights [R, S, C]; f16, bf16, f32."""
    r, s, stride_w, dil_w = spec["taps"]
    v = (16 // BYTES[spec["dtype"]]) if spec["fast"] else 1
    constants = {"V": v, "TW": spec["width"], "R": r, "S": s, "STRIDE_W": stride_w, "DIL_W": dil_w, "FAST": bool(spec["fast"])}
    return assemble("conv_depthwise", ["tile.cuh", "gather.cuh", "conv_depthwise.cuh"], product_args() + image_args() + _extras(spec),
                    spec, constants, 256)
