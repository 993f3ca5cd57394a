"""Tiles of the depthwise convolution, and a model of their time that orders them when nothing can be timed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

from minirt.kernels.cuda.gemm_source import depthwise_shared
from minirt.plan.launch import Spec

TILES = ((1, 1), (1, 2), (1, 4), (2, 2), (2, 4), (4, 4), (1, 8), (2, 8))
_MOST_REGISTERS = 200
_CLOCK = 1700.0  # cycles in a microsecond
_BYTES_PER_US = 2.7e6
_LAUNCH_US = 1.2
_SHARED = 226_000  # bytes of an SM
_MOST = 20  # tactics on tensor cores


@dataclass(frozen=True)
class Window:
    """A depthwise convolution as its time sees it, at the optimum sizes; pairs are (rows, columns)."""

    images: int
    channels: int
    out: tuple[int, int]
    taps: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    element: int
    moved: float
    multiprocessors: int


def _span(window: Window, tile: tuple[int, int], axis: int) -> int:
    return (tile[axis] - 1) * window.strides[axis] + (window.taps[axis] - 1) * window.dilations[axis] + 1


def registers(window: Window, tile: tuple[int, int], channels: int) -> int:
    """Registers of a thread, by counting what is live at once."""
    taps = window.taps[0] * window.taps[1]
    row = _span(window, tile, 1) * channels
    weights = taps * channels if taps * channels <= 72 else 5 * window.taps[1] * channels
    return tile[0] * tile[1] * channels + row + max(1, row * window.element // 4) + weights + 56


def resident(window: Window, tile: tuple[int, int], channels: int, threads: int) -> int:
    """Blocks that an SM should hold at once."""
    warps = 512 // registers(window, tile, channels)  # of each of an SM's four schedulers, which has 16,384 registers
    return max(1, min(warps, 12) * 128 // threads)


def estimate(window: Window, tile: tuple[int, int], channels: int, threads: int) -> float:
    """Microseconds: the greatest of issuing instructions, moving bytes, and one thread's way through the kernel."""
    high, wide = _span(window, tile, 0), _span(window, tile, 1)
    taps, pixels = window.taps[0] * window.taps[1], tile[0] * tile[1]
    narrow = 1 if window.element < 4 else 0
    rows = 1 if taps * channels <= 72 else tile[0]
    count = (
        taps * pixels * channels
        + high * wide * (4 + channels * narrow)
        + taps * rows * (1 + channels / 4)
        + pixels * (8 + 3 * channels)
        + 120
    )
    strips = ceil(window.out[0] / tile[0]) * ceil(window.out[1] / tile[1])
    work = window.images * strips * ceil(window.channels / channels)
    held = resident(window, tile, channels, threads)
    waves = ceil(ceil(work / threads) / (window.multiprocessors * held))
    busy = ceil(ceil(work / threads) / window.multiprocessors) * threads / 32
    issue = busy / 4 * count * 1.25 / _CLOCK
    alone = (1500 + count * 2.2) / _CLOCK * (1 if waves == 1 else 0.7 * waves)
    lines = work / window.multiprocessors * high * wide * channels * window.element / 64 / _CLOCK
    return max(issue, alone, lines, window.moved / _BYTES_PER_US) + 0.25 * issue + _LAUNCH_US


def ranked(window: Window, widths: tuple[int, ...]) -> list[Spec]:
    """Tactics, fastest by the model first; ``widths``: channels that a thread may take."""
    found: list[tuple[float, Spec]] = []
    for channels in widths:
        for tile in TILES:
            if registers(window, tile, channels) > _MOST_REGISTERS:
                continue
            if any(t > 1 and t >= 2 * o for t, o in zip(tile, window.out, strict=True)):
                continue
            strips = ceil(window.out[0] / tile[0]) * ceil(window.out[1] / tile[1])
            work = window.images * strips * ceil(window.channels / channels)
            threads = 64 if work < 512 * window.multiprocessors else 128
            held = resident(window, tile, channels, threads)
            spec: Spec = {"tile": list(tile), "channels": channels, "threads": threads, "blocks": held}
            found.append((estimate(window, tile, channels, threads), spec))
    if not found:
        found.append((0.0, {"tile": [1, 1], "channels": min(widths), "threads": 128, "blocks": 1}))
    return [spec for _, spec in sorted(found, key=lambda x: x[0])]


def turns(window: Window, tactic: Spec) -> tuple[int, int]:
    """Blocks that share the tiles of some channels, and how many each of them takes."""
    (strips, across), deep = tactic["tile"], int(tactic["deep"])
    down, wide = ceil(window.out[0] / (strips * deep)), ceil(window.out[1] / (8 * across))
    tiles = max(1, ceil(window.images / int(tactic["images"])) * down * wide)
    most = max(1, window.multiprocessors * int(tactic["blocks"]) // ceil(window.channels / (8 * int(tactic["groups"]))))
    each = ceil(tiles / most)
    return ceil(tiles / each), each


def estimate_mma(window: Window, tactic: Spec) -> float:
    """Microseconds on tensor cores: copies and taps first, then tiles in turn, at the speed of a few warps."""
    (strips, across), deep, images = tactic["tile"], int(tactic["deep"]), int(tactic["images"])
    groups, warps, taps = int(tactic["groups"]), int(tactic["warps"]), window.taps[0]
    tasks = ceil(ceil(images * strips * across / 16) * groups / warps)
    copies = images * (strips * deep + taps - 1) * (8 * across + 8) * groups / (32 * warps)
    work = tasks * ((deep + taps - 1) * (150 + 40 * int(tactic["blocks"])) + deep * (taps * 15 + 320) + 200)
    count, each = turns(window, tactic)
    held = ceil(count * ceil(window.channels / (8 * groups)) / (window.multiprocessors * int(tactic["blocks"])))
    fetch = copies * 70
    alone = 1500 if int(tactic["buffers"]) == 1 else 0
    cycles = 3000 + fetch + each * (work + fetch + alone) * held
    read = window.moved / 2 * (1 + (taps - 1) / (strips * deep))
    return float(max(cycles / _CLOCK, window.moved / _BYTES_PER_US, read / 4e6) + _LAUNCH_US)


def ranked_mma(window: Window, shared: int) -> list[Spec]:
    """Tactics on tensor cores, fastest by the model first, whose tiles fit into ``shared`` bytes."""
    found: list[tuple[float, Spec]] = []
    for (deep, blocks), groups, buffers in product(((2, 2), (1, 3)), (4, 2), (2, 1)):  # what registers hold
        most = ceil(window.out[0] / deep), ceil(window.out[1] / 8)
        tiles = {(min(h, most[0]), min(w, most[1])) for h in (1, 2, 4, 7, 8, 14, 16) for w in (1, 2, 4, 7)}
        for strips, across in sorted(tiles):
            images = max(1, min(16 // (strips * across), window.images))
            spec: Spec = {
                "tile": [strips, across], "deep": deep, "images": images, "groups": groups, "buffers": buffers,
                "warps": 4, "blocks": blocks,
            }  # fmt: skip
            held = depthwise_shared(window.taps[0], spec)
            if 8 * groups >= 2 * window.channels or held > min(shared, _SHARED // blocks):
                continue
            if buffers == 1 or turns(window, spec)[1] > 1:
                found.append((estimate_mma(window, spec), spec))
    return [spec for _, spec in sorted(found, key=lambda x: (x[0], str(x[1])))][:_MOST]
