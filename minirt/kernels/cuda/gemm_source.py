"""Generators of the matrix-product and convolution kernels that run on every tensor-core GPU (sm_80 and later).

Each takes a ``spec`` (see ``matrix_source``) and returns a ``Source``; grids:

- ``mma``: x = ceil(m / BM) * ceil(n / BN), y = parts of a split K (else 1), z = nb0 * nb1; dynamic shared memory.
  Spec: tile [BM, BN, BK], warps [WM, WN], stages, a_by_k, b_by_k (False: rows of the operand run along m or n),
  vec_a, vec_b (elements a copy: 16, 8, 4 or 2 bytes, which addresses and row strides must be multiples of), split, x3
  (3xTF32), conv, transposed.  A convolution with vec_a 1 takes any strides, else sc = 1.  With ``split`` partial sums
  [parts, nb0 * nb1, m, n] f32 go to ``partial``, k_part is a multiple of BK, and ``split_sum`` finishes.
- ``fma``: the same for f32, multiplied and added as such, without x3; tile [32 WM, 32 WN] or larger by whole parts, 16.
- ``simt``: x as above with BM = BN = 64 or 128, z = nb0 * nb1.  Any strides: ``lda``, ``ldb``, ``a_k``, ``b_k``.
- ``split_sum``: x = ceil(nb0 * nb1 * m * ceil(n / 4) / 256).
- ``patch``: x = any number of blocks, which take tiles of 8 x 16 pixels in turn; y = ceil(n / 64).
- ``depthwise``: x = ceil(images * ceil(oh / TH) * ceil(ow / TW) * c / V / threads).  Spec: tile [TH, TW], channels (V:
  one, with any strides, or 4 to 16 bytes of them), threads of a block and blocks to an SM, wide (f32 weights).
- ``depthwise_mma``: x = ceil(c / (8 * G)) times any number of blocks, which take tiles in turn: IMAGES images of NS * L
  rows and 8 * NX columns.  Spec: tile [NS, NX], deep (L), images, groups (G) of 8 channels, buffers (2: the next tile
  is copied ahead), warps (a multiple of G), blocks to an SM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.kernels.cuda.matrix_source import (
    Args,
    Source,
    Spec,
    assemble,
    element_bytes,
    image_args,
    product_args,
    result_args,
)


def mma(spec: Spec) -> Source:
    """Tensor-core product or convolution by mma.sync and cp.async; f16, bf16, f32 (as TF32, or 3xTF32 with x3)."""
    threads = 32 * spec["warps"][0] * spec["warps"][1]
    return _tiled(spec, f"__launch_bounds__({threads}, 2)" if spec.get("x3") else "")


def fma(spec: Spec) -> Source:
    """Product or convolution of f32 by fused multiply-adds and cp.async, every sum along ascending k."""
    threads, sums = 32 * spec["warps"][0] * spec["warps"][1], spec["tile"][0] * spec["tile"][1]
    blocks = 3 if threads == 128 and sums == 128 * 64 else 512 // threads  # those need a few more than 128 registers
    return _tiled(spec, f"__launch_bounds__({threads}, {blocks})")


def _tiled(spec: Spec, bound: str) -> Source:
    bm, bn, bk = spec["tile"]
    wm, wn = spec["warps"]
    stages, split, conv = spec["stages"], bool(spec.get("split")), bool(spec.get("conv"))
    args = product_args(spec, split) + (image_args() if conv else [])
    constants: dict[str, Any] = {
        "BM": bm, "BN": bn, "BK": bk, "STAGES": stages, "WM": wm, "WN": wn,
        "VEC_A": spec["vec_a"], "VEC_B": spec["vec_b"], "CONV": conv, "TRANSPOSED": bool(spec.get("transposed")),
        "A_BY_K": conv or bool(spec["a_by_k"]), "B_BY_K": conv or bool(spec["b_by_k"]), "SPLIT": split,
        "X3": bool(spec.get("x3")),
    }  # fmt: skip
    method = spec["method"]
    shared = stages * (bm + bn) * bk * element_bytes(spec["dtype"])
    return assemble(
        f"conv_{method}" if conv else f"gemm_{method}", ["gather.cuh", "stages.cuh", f"gemm_{method}.cuh"], args, spec,
        constants, 32 * wm * wn, shared=shared, partial=split, bound=bound,
    )  # fmt: skip


def simt(spec: Spec) -> Source:
    """Product or convolution by plain multiply-adds in the accumulator's type: any float or integer."""
    bm, bn = spec["tile"][:2]
    conv = bool(spec.get("conv"))
    args = product_args(spec) + [("a_k", "i64"), ("b_k", "i64")] + (image_args() if conv else [])
    constants = {
        "BM": bm, "BN": bn, "CONV": conv, "TRANSPOSED": bool(spec.get("transposed")),
        "A_BY_K": conv or bool(spec["a_by_k"]), "B_BY_K": bool(spec["b_by_k"]),
    }  # fmt: skip
    return assemble("conv_simt" if conv else "gemm_simt", ["gather.cuh", "gemm_simt.cuh"], args, spec, constants, 256)


def split_sum(spec: Spec) -> Source:
    """Adds the partial sums of a split K in order and finishes."""
    args: Args = [("partial", "ptr"), *((x, "i32") for x in ("m", "n", "nb0", "nb1", "parts")), *result_args(spec)]
    return assemble("split_sum", ["split_sum.cuh"], args, {**spec, "dtype": "f32"}, {}, 256)


def depthwise(spec: Spec) -> Source:
    """Depthwise convolution, channels last, weights [R, S, C], as f32 with ``wide``; f16, bf16, f32."""
    (r, s), (high, wide), threads = spec["taps"], spec["tile"], spec["threads"]
    constants: dict[str, Any] = {
        "V": spec["channels"], "TH": high, "TW": wide, "R": r, "S": s, "STRIDE_H": spec["strides"][0],
        "STRIDE_W": spec["strides"][1], "DIL_H": spec["dilations"][0], "DIL_W": spec["dilations"][1],
        "WIDE": bool(spec["wide"]), "THREADS": threads,
    }  # fmt: skip
    bound = f"__launch_bounds__({threads}, {spec['blocks']})"
    args = product_args(spec) + image_args()
    return assemble("conv_depthwise", ["gather.cuh", "conv_depthwise.cuh"], args, spec, constants, threads, bound=bound)


def depthwise_mma(spec: Spec) -> Source:
    """Depthwise convolution on tensor cores, channels last, stride 1, weights [R, S, C]; f16, bf16."""
    (r, s), (strips, windows), deep = spec["taps"], spec["tile"], spec["deep"]
    pitch, plane = depthwise_pitch(r, strips, windows, deep, spec["images"])
    groups, warps = spec["groups"], spec["warps"]
    constants: dict[str, Any] = {
        "R": r, "S": s, "G": groups, "WARPS": warps, "IMAGES": spec["images"], "NS": strips, "NX": windows, "L": deep,
        "WP": pitch, "PLANE": plane, "BUFFERS": spec["buffers"],
        "WAIT": spec["blocks"] > 2,
    }  # fmt: skip
    files, args = ["gather.cuh", "conv_depthwise_mma.cuh"], product_args(spec) + image_args()
    bound = f"__launch_bounds__({32 * warps}, {spec['blocks']})"
    shared = depthwise_shared(r, spec)
    return assemble("conv_depthwise_mma", files, args, spec, constants, 32 * warps, shared=shared, bound=bound)


def depthwise_shared(taps: int, spec: Spec) -> int:
    """Bytes of shared memory of a block of ``depthwise_mma`` with so many rows of taps: tiles and taps."""
    strips, windows = spec["tile"]
    plane = depthwise_pitch(taps, strips, windows, spec["deep"], spec["images"])[1]
    return int(spec["groups"] * (plane * 16 * spec["buffers"] + taps * 704))


def depthwise_pitch(taps: int, strips: int, windows: int, deep: int, images: int) -> tuple[int, int]:
    """Pixels from row to row of a tile in shared memory, and of a whole plane of 8 channels.

    The lanes of a quarter warp read two windows, ``deep`` rows apart: 4 pixels each, which must meet all banks; and
    copies write two pixels of four planes at once.
    """
    pitch = windows * 8 + 8
    while (pitch * deep) % 8 != 4:
        pitch += 1
    plane = images * (strips * deep + taps - 1) * pitch
    return pitch, plane + (2 - plane) % 8


def patch(spec: Spec) -> Source:
    """Convolution of few channels, any strides; f16, bf16, f32 (as TF32)."""
    geometry: dict[str, Any] = patch_geometry(
        spec["taps"], spec["strides"], spec["dilations"], spec["channels"], spec["dtype"]
    )
    shared = geometry.pop("shared")
    args = product_args(spec) + image_args()
    return assemble(
        "conv_patch",
        ["gather.cuh", "conv_patch.cuh"],
        args,
        spec,
        geometry,
        256,
        shared=shared,
        bound="__launch_bounds__(256, 1)" if spec["dtype"] == "f32" else "",
    )


def patch_geometry(
    taps: Sequence[int], strides: Sequence[int], dilations: Sequence[int], channels: int, dtype: str
) -> dict[str, int]:
    """Constants of the patch kernel: tile, patch, k rounded up, and ``shared`` bytes."""
    high, wide, size = 8, 16, element_bytes(dtype)
    step = 32 // size
    kp = -(-taps[0] * taps[1] * channels // step) * step
    ph, pw = ((t - 1) * s + (k - 1) * d + 1 for t, s, k, d in zip((high, wide), strides, taps, dilations, strict=True))
    at = kp * 4 + (channels * ph * pw + 8) // 8 * 8 * size
    return {
        "TH": high, "TW": wide, "BN": 64, "KP": kp, "PH": ph, "PW": pw, "CHANNELS": channels, "R": taps[0],
        "S": taps[1], "shared": at + (high * wide + 64) * (kp * size + 16),
    }  # fmt: skip
