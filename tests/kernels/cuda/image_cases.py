"""Pooling and resizing of images with odd sizes, pads, strides and scales."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from minirt.ops.pooling import Pool, PoolIndices
from minirt.ops.resize import Resize
from minirt.types.dim import symbol
from tests.kernels.cuda.execution import Case
from tests.kernels.cuda.map_cases import channels_last, random


def pool(kind: str, kernel: int, stride: int, pad: int, **more: Any) -> Pool:
    """A square window."""
    return Pool(kind, (kernel,) * 2, (stride,) * 2, (pad,) * 4, more.pop("dilations", (1, 1)), **more)


def pools() -> list[Case]:
    """Pooling."""
    image, odd = channels_last(random(2, 24, 13, 15)), channels_last(random(2, 7, 13, 15))
    half = channels_last(random(2, 64, 14, 14, dtype=np.float16))
    whole = channels_last(random(2, 16, 9, 11, dtype=np.int32))
    volume = channels_last(random(2, 8, 6, 7, 8))
    return [
        Case("max-pool", pool("max", 3, 2, 1), [image]),
        Case("max-pool-f16", pool("max", 3, 2, 1), [half]),
        Case("max-pool-odd", pool("max", 2, 2, 0, ceil_mode=True), [odd]),
        Case("max-pool-dilated", pool("max", 3, 1, 2, dilations=(2, 3)), [odd]),
        Case("max-pool-i32", pool("max", 3, 2, 1), [whole]),
        Case("average-pool", pool("average", 3, 2, 1), [image]),
        Case("average-pool-padded", pool("average", 3, 2, 1, include_pad=True), [image]),
        Case("average-pool-ceil", pool("average", 3, 2, 1, ceil_mode=True, include_pad=True), [odd]),
        Case("average-pool-ceil-inside", pool("average", 3, 2, 1, ceil_mode=True), [odd]),
        Case("lp-pool", pool("lp", 3, 2, 1, p=3), [odd], tolerance=2e-5),
        Case("lines", Pool("average", (3,), (2,), (1, 0), (1,)), [channels_last(random(2, 8, 30))]),
        Case(
            "volumes",
            Pool("max", (2, 3, 2), (2, 2, 1), (0, 1, 0, 0, 1, 0), (1, 1, 1)),
            [volume],
        ),
        Case("indices", PoolIndices((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)), [odd]),
        Case("indices-columns", PoolIndices((2, 2), (2, 2), (0, 0, 0, 0), (1, 1), False, True), [image]),
        Case("pool-symbolic", pool("max", 3, 2, 1), [image], {2: "N", 13: "H", 15: "W"}),
    ]


def resizes() -> list[Case]:
    """Resizing."""
    image, odd = channels_last(random(2, 24, 13, 15)), channels_last(random(2, 7, 13, 15))
    half = channels_last(random(1, 64, 10, 12, dtype=np.float16))
    out = []
    for mode in ("nearest", "linear", "cubic"):
        for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"):
            grid = Resize((1, 1, 2, Fraction(4, 3)), (2, 7, 26, 20), mode, coordinates)
            out.append(Case(f"{mode}-{coordinates}", grid, [odd], tolerance=1e-5))
        out.append(
            Case(
                f"{mode}-down",
                Resize((1, 1, Fraction(1, 2), Fraction(3, 5)), (2, 24, 6, 9), mode),
                [image],
                tolerance=1e-5,
            )
        )
        out.append(Case(f"{mode}-f16", Resize((1, 1, 2, 2), (1, 64, 20, 24), mode), [half]))
    for nearest in ("floor", "ceil", "round_prefer_ceil"):
        grid = Resize((1, 1, Fraction(5, 2), Fraction(1, 2)), (2, 7, 32, 7), "nearest", "half_pixel", nearest)
        out.append(Case(f"nearest-{nearest}", grid, [odd]))
    height, small = symbol("H"), channels_last(random(1, 8, 4, 4, dtype=np.uint8))
    return [
        *out,
        Case(
            "cubic-inside", Resize((1, 1, 2, 2), (2, 7, 26, 30), "cubic", exclude_outside=True), [odd], tolerance=1e-5
        ),
        Case("nearest-for-nn", Resize((1, 1, 2, 2), (2, 7, 26, 30), "nearest", "tf_half_pixel_for_nn"), [odd]),
        Case("one-pixel", Resize((1, 1, Fraction(1, 13), 1), (2, 7, 1, 15), "linear", "pytorch_half_pixel"), [odd]),
        Case(
            "resize-u8",
            Resize((1, 1, 2, 2), (1, 8, 8, 8), "linear"),
            [small],
        ),
        *(Case(f"resize-{mode}-{kind.__name__}-several", Resize((1, 1, 2, Fraction(3, 2)), (2, channels, 10, 9), mode),
               [channels_last(random(2, channels, 5, 6, dtype=kind))])
          for mode, kind, channels in (("linear", np.float16, 64), ("cubic", np.float32, 48), ("nearest", np.uint8, 64),
                                       ("linear", np.uint8, 64))),
        *(Case(f"resize-{mode}-{kind.__name__}-whole",
               Resize((1, 1, Fraction(5, 3), Fraction(3, 2)), (2, 3, 15, 18), mode), [random(2, 3, 9, 12, dtype=kind)])
          for mode, kind in (("linear", np.int16), ("linear", np.int32), ("cubic", np.uint8))),
        Case("resize-matrix", Resize((2, 3), (8, 18), "linear"), [random(4, 6)]),
        Case("resize-symbolic", Resize((1, 1, 2, 2), (2, 7, height * 2, 30), "linear"), [odd], {13: "H"},
             pinned=Resize((1, 1, 2, 2), (2, 7, 26, 30), "linear")),
        Case("resize-symbolic-ratio", Resize((1, 1, 40 / height, 2), (2, 7, 40, 30), "linear"), [odd], {13: "H"},
             pinned=Resize((1, 1, Fraction(40, 13), 2), (2, 7, 40, 30), "linear")),
    ]  # fmt: skip


def cases() -> list[Case]:
    """All cases."""
    return [*pools(), *resizes()]
