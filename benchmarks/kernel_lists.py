"""Which matrix kernels are checked, on which shapes, and which are timed."""

from __future__ import annotations

from typing import Any

from matrix_cases import Case, convolution, product

MMA_TILES: list[dict[str, Any]] = [
    {"tile": [128, 128], "warps": [2, 4]}, {"tile": [64, 64], "warps": [2, 2]}, {"tile": [128, 64], "warps": [2, 2]}, {"tile": [64, 128], "warps": [2, 2]},
]
WGMMA_TILES: list[dict[str, Any]] = [
    {"tile": [128, 256, 64], "stages": 4, "consumers": 2, "per_sm": 1},
    {"tile": [256, 128, 64], "stages": 4, "consumers": 2, "per_sm": 1},
    {"tile": [128, 128, 64], "stages": 3, "consumers": 2, "per_sm": 2},
    {"tile": [128, 128, 64], "stages": 6, "consumers": 2, "per_sm": 1},
    {"tile": [128, 64, 64], "stages": 4, "consumers": 2, "per_sm": 2},
    {"tile": [64, 128, 64], "stages": 4, "consumers": 1, "per_sm": 2},
    {"tile": [64, 64, 64], "stages": 4, "consumers": 1, "per_sm": 3},
    {"tile": [64, 256, 64], "stages": 4, "consumers": 1, "per_sm": 1},
    {"tile": [192, 128, 64], "stages": 4, "consumers": 3, "per_sm": 1},
    {"tile": [256, 64, 64], "stages": 4, "consumers": 4, "per_sm": 1},
]


def mma(dtype: str, tile: dict[str, Any], width: int = 64, **more: Any) -> dict[str, Any]:
    """Spec fields of an mma kernel whose tile rows are ``width`` bytes along k."""
    size = 4 if dtype == "f32" else 2
    vec = {"vec_a": 16 // size, "vec_b": 16 // size}
    return {**vec, "tile": [*tile["tile"], width // size], "warps": tile["warps"], "stages": 3, **more}


def hopper(dtype: str, tile: dict[str, Any]) -> dict[str, Any]:
    """Spec fields of a wgmma kernel."""
    bm, bn, bk = tile["tile"]
    return {**tile, "tile": [bm, bn, bk // 2 if dtype == "f32" else bk]}


def products() -> list[Case]:
    """Products of every method, layout and alignment."""
    cases = []
    for dtype in ("f16", "bf16", "f32"):
        for tile in MMA_TILES:
            for width in (64, 128):
                cases.append(product("mma", dtype, 200, 136, 160, **mma(dtype, tile, width)))
            cases.append(product("mma", dtype, 200, 136, 160, (2, 3), b_by_k=False, **mma(dtype, tile)))
            cases.append(product("mma", dtype, 200, 136, 160, a_by_k=False, **mma(dtype, tile)))
            cases.append(product("mma", dtype, 200, 136, 160, a_by_k=False, b_by_k=False, **mma(dtype, tile)))
        for vec in (1, 2, 4) if dtype != "f32" else (1, 2):
            for a, b in ((True, True), (True, False), (False, True)):
                cases.append(product("mma", dtype, 101 * vec, 71 * vec, 93 * vec, (1, 2), a_by_k=a, b_by_k=b, vec=False,
                                     **mma(dtype, MMA_TILES[1], vec_a=vec, vec_b=vec)))
        cases.append(product("mma", dtype, 100, 72, 1000, parts=4, **mma(dtype, MMA_TILES[1], 128)))
        cases.append(product("mma", dtype, 33, 72, 1000, (2, 2), parts=3, **mma(dtype, MMA_TILES[0])))
        cases.append(product("gemv", dtype, 1, 1000, 2048, rows=1, fast=True))
        cases.append(product("gemv", dtype, 7, 1000, 2048, (2, 1), rows=8, fast=True))
        cases.append(product("gemv", dtype, 3, 77, 333, rows=4, fast=False, vec=False))
        cases.append(product("gemv", dtype, 2, 1000, 2048, rows=2, fast=True, b_by_k=False))
        cases.append(product("gemv", dtype, 3, 77, 333, (1, 2), rows=4, fast=False, vec=False, b_by_k=False))
    for tile in MMA_TILES[:2]:
        cases.append(product("mma", "f32", 200, 136, 160, **mma("f32", tile, x3=True)))
        cases.append(product("mma", "f32", 200, 136, 160, b_by_k=False, **mma("f32", tile, x3=True)))
    for dtype, side in (("f16", 128), ("f32", 64), ("f32", 128), ("f64", 64), ("i64", 64)):
        for a, b in ((True, True), (True, False), (False, True), (False, False)):
            cases.append(product("simt", dtype, 131, 77, 45, (2, 2), a_by_k=a, b_by_k=b, vec=False, tile=[side, side]))
    return cases


def convolutions() -> list[Case]:
    """Convolutions of every method."""
    cases = []
    for dtype in ("f16", "bf16", "f32"):
        t = MMA_TILES
        cases.append(convolution("mma", dtype, 2, 14, 15, 32, 72, **mma(dtype, t[0])))
        cases.append(convolution("mma", dtype, 2, 14, 15, 24, 64, (3, 5), 2, 2, 2, **mma(dtype, t[2], 128)))
        cases.append(convolution("mma", dtype, 2, 14, 15, 8, 40, (1, 1), 2, 0, **mma(dtype, t[1])))
        cases.append(convolution("mma", dtype, 2, 14, 15, 64, 128, groups=4, **mma(dtype, t[1])))
        cases.append(convolution("mma", dtype, 1, 7, 7, 128, 64, parts=4, **mma(dtype, t[1], 128)))
        cases.append(convolution("mma", dtype, 2, 33, 31, 3, 64, (7, 7), 2, 3, nchw=True, **mma(dtype, t[1], vec_a=1, vec_b=1)))
        cases.append(convolution("mma", dtype, 2, 9, 11, 5, 21, vec=False, **mma(dtype, t[1], vec_a=1, vec_b=1)))
        cases.append(convolution("mma", dtype, 2, 9, 11, 12, 20, groups=4, vec=False, **mma(dtype, t[1], vec_a=1, vec_b=1)))
        cases.append(convolution("mma", dtype, 2, 9, 11, 32, 64, (2, 2), 2, 0, transposed=True, **mma(dtype, t[2])))
        cases.append(convolution("mma", dtype, 2, 9, 11, 5, 7, (4, 4), 2, 1, transposed=True, vec=False, **mma(dtype, t[1], vec_a=1, vec_b=1)))
        cases.append(convolution("depthwise", dtype, 2, 14, 15, 40, 40, groups=40, width=4, fast=True))
        cases.append(convolution("depthwise", dtype, 2, 14, 15, 40, 40, (5, 5), 2, 2, groups=40, width=4, fast=True))
        cases.append(convolution("depthwise", dtype, 2, 14, 15, 13, 13, groups=13, width=4, fast=False, vec=False))
    cases.append(convolution("mma", "f32", 2, 14, 15, 32, 72, **mma("f32", MMA_TILES[1], x3=True)))
    for side in (64, 128):
        cases.append(convolution("simt", "f32", 2, 14, 15, 32, 72, tile=[side, side]))
        cases.append(convolution("simt", "f32", 2, 33, 31, 3, 64, (7, 7), 2, 3, nchw=True, tile=[side, side]))
        cases.append(convolution("simt", "f32", 2, 9, 11, 12, 20, groups=4, vec=False, tile=[side, side]))
        cases.append(convolution("simt", "f32", 2, 9, 11, 12, 20, (4, 4), 2, 1, groups=2, transposed=True, vec=False, tile=[side, side]))
    return cases


def hoppers() -> list[Case]:
    """wgmma products and convolutions."""
    cases = []
    for dtype in ("f16", "bf16", "f32"):
        for tile in WGMMA_TILES:
            spec = hopper(dtype, tile)
            cases.append(product("wgmma", dtype, 600, 328, 200, (2, 3), **spec))
            cases.append(convolution("wgmma", dtype, 3, 14, 15, 72, 200, **spec))
            if dtype != "f32":
                cases.append(product("wgmma", dtype, 600, 328, 200, (2, 3), b_by_k=False, **spec))
        spec = hopper(dtype, WGMMA_TILES[2])
        cases.append(product("wgmma", dtype, 100, 328, 1000, (2, 1), parts=3, **spec))
        cases.append(convolution("wgmma", dtype, 3, 14, 15, 64, 200, parts=4, **spec))
        cases.append(convolution("wgmma", dtype, 3, 14, 15, 136, 72, (3, 2), 2, 1, 2, **spec))
        cases.append(convolution("wgmma", dtype, 3, 14, 15, 64, 72, (1, 1), 2, 0, **spec))
        narrow = {**spec, "tile": [*spec["tile"][:2], spec["tile"][2] // 2]}
        cases.append(convolution("wgmma", dtype, 3, 14, 15, 40, 72, **narrow))
        cases.append(product("wgmma", dtype, 600, 328, 200, **narrow))
    return cases


def correctness() -> list[Case]:
    """All small cases."""
    return products() + convolutions() + hoppers()


RESNET = [  # (c, size, o, taps, stride)
    (64, 56, 64, 1, 1), (64, 56, 64, 3, 1), (64, 56, 256, 1, 1), (256, 56, 64, 1, 1), (256, 56, 128, 1, 1), (128, 56, 128, 3, 2),
    (128, 28, 128, 3, 1), (128, 28, 512, 1, 1), (512, 28, 128, 1, 1), (256, 56, 512, 1, 2), (256, 14, 256, 3, 1), (256, 14, 1024, 1, 1),
    (1024, 14, 256, 1, 1), (512, 7, 512, 3, 1), (512, 7, 2048, 1, 1), (2048, 7, 512, 1, 1),
]


def timings() -> list[Case]:
    """The layers of ResNet-50 and some products."""
    cases = []
    for c, size, o, r, stride in RESNET:
        for images in (32, 1):
            shape = (images, size, size, c, o, (r, r), stride, r // 2)
            for tile in WGMMA_TILES:
                if tile["tile"][1] <= max(o, 64):
                    cases.append(convolution("wgmma", "f16", *shape, timed=True, residual=False, **tile))
                    if images == 1 and c * r * r >= 512 and tile["tile"][0] * tile["tile"][1] <= 128 * 128:
                        cases += [convolution("wgmma", "f16", *shape, timed=True, residual=False, parts=p, **tile) for p in (2, 4, 8)]
            for tile in MMA_TILES[:3]:
                cases.append(convolution("mma", "f16", *shape, timed=True, residual=False, **mma("f16", tile, 64, stages=4)))
    cases.append(convolution("mma", "f16", 32, 224, 224, 3, 64, (7, 7), 2, 3, nchw=True, timed=True, residual=False, **mma("f16", MMA_TILES[1], vec_a=1, vec_b=1)))
    for m, n, k in ((4096, 4096, 4096), (512, 4096, 4096), (128, 768, 768), (128, 3072, 768), (1024, 768, 3072)):
        for dtype in ("f16", "f32"):
            cases += [product("wgmma", dtype, m, n, k, timed=True, residual=False, **hopper(dtype, tile)) for tile in WGMMA_TILES]
            cases += [product("mma", dtype, m, n, k, timed=True, residual=False, **mma(dtype, tile, 64, stages=4)) for tile in MMA_TILES]
        cases += [product("mma", "f32", m, n, k, timed=True, residual=False, **mma("f32", tile, x3=True)) for tile in MMA_TILES]
        cases += [product("simt", "f32", m, n, k, timed=True, residual=False, tile=[s, s]) for s in (64, 128)]
    cases += [product("gemv", "f16", 1, 1000, 2048, timed=True, residual=False, rows=1, fast=True),
              product("gemv", "f16", 1, 4096, 4096, timed=True, residual=False, rows=1, fast=True),
              convolution("depthwise", "f16", 32, 56, 56, 144, 144, groups=144, timed=True, residual=False, width=4, fast=True)]
    return cases
