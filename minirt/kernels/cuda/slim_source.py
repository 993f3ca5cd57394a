"""Generators of the matrix kernels that are bound by what they read and write: a short k, or few input channels.

Both keep all of b in shared memory in the order of fragments, take tiles in turn, and know 16-bit floats only.

- ``slim``: a product.  Spec: groups (of 32 k) and tail (16 more), tile [rows of a warp, columns of a block], parts
  (blocks that share rows, each its columns), warps, per_sm, hold (registers hold the next rows), b_by_k, b_fast (also
  whole 16 bytes).  Grid: x = parts * any number, z = nb0 * nb1.
- ``stem``: a convolution of 2 to 4 channels, any strides of the image.  Spec: taps, strides, channels, tile [rows of
  pixels, columns at a time], warps, per_sm, columns (n rounded up to 32).  Grid: x = any number of blocks, which take
  tiles of that many rows of 16 pixels in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.kernels.cuda.matrix_source import Source, Spec, assemble, image_args, product_args


def slim(spec: Spec) -> Source:
    """Product of a short k, rows of a read straight into fragments; f16, bf16."""
    (rows, columns), warps, per_sm = spec["tile"], spec["warps"], spec["per_sm"]
    constants: dict[str, Any] = {
        "MI": rows // 16, "BN": columns, "PARTS": spec["parts"], "GROUPS": spec["groups"], "TAIL": int(spec["tail"]),
        "WARPS": warps, "HOLD": bool(spec["hold"]), "B_BY_K": bool(spec["b_by_k"]), "B_FAST": bool(spec["b_fast"]),
    }  # fmt: skip
    bound = f"__launch_bounds__({32 * warps}, {per_sm})"
    shared = columns * slim_row(spec["groups"], spec["tail"])
    return assemble(
        "gemm_slim", ["gemm_slim.cuh"], product_args(spec), spec, constants, 32 * warps, shared=shared, bound=bound
    )


def slim_row(groups: int, tail: int) -> int:
    """Bytes of a column of b in shared memory."""
    return 64 * groups + 32 * int(tail)


def depth(k: int) -> tuple[int, bool]:
    """Groups of 32 k, and whether 16 more follow."""
    return (k // 32, True) if 0 < k % 32 <= 16 else (-(-k // 32), False)


def stem(spec: Spec) -> Source:
    """Convolution of two to four channels, patches of the image in shared memory; f16, bf16."""
    (high, at_once), warps, (r, s) = spec["tile"], spec["warps"], spec["taps"]
    (stride_h, stride_w), (ph, pw), (groups, tail) = spec["strides"], stem_patch(spec), depth(4 * s)
    constants: dict[str, Any] = {
        "TH": high, "WARPS": warps, "MI": high // warps, "BN": spec["columns"], "CN": at_once, "R": r, "S": s,
        "STRIDE_H": stride_h, "STRIDE_W": stride_w, "CHANNELS": spec["channels"], "PH": ph, "PW": pw,
        "GROUPS": groups, "TAIL": int(tail),
    }  # fmt: skip
    files, args = ["gather.cuh", "conv_stem.cuh"], product_args(spec) + image_args()
    bound = f"__launch_bounds__({32 * warps}, {spec['per_sm']})"
    shared = -(-ph * pw * 8 // 16) * 16 + spec["columns"] * r * slim_row(groups, tail)
    return assemble("conv_stem", files, args, spec, constants, 32 * warps, shared=shared, bound=bound)


def stem_patch(spec: Spec) -> tuple[int, int]:
    """Rows and columns of pixels that a tile reads; columns as far as the padded row of taps reaches, and even."""
    strides: Sequence[int] = spec["strides"]
    groups, tail = depth(4 * spec["taps"][1])
    wide = 15 * strides[1] + 8 * groups + 4 * int(tail)
    return (spec["tile"][0] - 1) * strides[0] + spec["taps"][0], wide + wide % 2
