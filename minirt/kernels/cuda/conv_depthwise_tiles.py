"""Tiles of the depthwise convolution, and a model of their time that orders them when nothing can be timed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from minirt.kernels.cuda.gemm_source import depthwise_pitch
from minirt.plan.launch import Spec

TILES = ((1, 1), (1, 2), (1, 4), (2, 2), (2, 4), (4, 4), (1, 8), (2, 8))
_MOST_REGISTERS = 200
_CLOCK = 1700.0  # cycles in a microsecond
_BYTES_PER_US = 2.7e6
_LAUNCH_US = 1.2


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


def blocks(window: Window, tile: tuple[int, int], channels: int, threads: int) -> int:
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
    held = blocks(window, tile, channels, threads)
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
            held = blocks(window, tile, channels, threads)
            spec: Spec = {"tile": list(tile), "channels": channels, "threads": threads, "blocks": held}
            found.append((estimate(window, tile, channels, threads), spec))
    if not found:
        found.append((0.0, {"tile": [1, 1], "channels": min(widths), "threads": 128, "blocks": 1}))
    return [spec for _, spec in sorted(found, key=lambda x: x[0])]


def estimate_mma(window: Window, tactic: Spec) -> float:
    """Microseconds on tensor cores, likewise; a block's copies and products overlap only with other blocks'."""
    (strips, across), deep, images = tactic["tile"], tactic["deep"], tactic["images"]
    groups, warps, (taps, wide) = tactic["groups"], tactic["warps"], window.taps
    high, rows = strips * deep, strips * deep + taps - 1
    total = (
        ceil(window.images / images)
        * ceil(window.out[0] / high)
        * ceil(window.out[1] / (8 * across))
        * ceil(window.channels / (8 * groups))
    )
    tasks = ceil(ceil(images * strips * across / 16) * groups / warps)
    copies = images * rows * (8 * across + 8) * groups / (32 * warps) * 22
    each = (deep + taps - 1) * 42 + deep * taps * 8 + deep * 200 + 80
    shared = (deep + taps - 1) * 8 * 4 * warps / 4
    per_block = warps / 4 * (copies + taps * 42 + 150 + tasks * each)
    per_block = max(per_block, shared * tasks * 4)
    issue = ceil(total / window.multiprocessors) * per_block * 1.2 / _CLOCK
    alone = (2500 + copies + taps * 60 + tasks * each * 1.6) / _CLOCK
    waves = ceil(total / (window.multiprocessors * tactic["blocks"]))
    read = window.moved / 2 * (rows / high) * ((8 * across + wide - 1) / (8 * across))
    return float(max(issue, alone * waves, window.moved / _BYTES_PER_US, read / 4e6) + 0.25 * issue + _LAUNCH_US)


def ranked_mma(window: Window, shared: int) -> list[Spec]:
    """Tactics on tensor cores, fastest by the model first, whose tiles fit into ``shared`` bytes."""
    taps = window.taps[0]
    deep = 1 if taps > 5 else 2
    most = ceil(window.out[0] / deep), ceil(window.out[1] / 8)
    found: list[tuple[float, Spec]] = []
    tiles = {(min(h, most[0]), min(w, most[1])) for h in (1, 2, 4, 7, 8, 14, 16) for w in (1, 2, 4, 7)}
    for strips, across in sorted(tiles):
        images = max(1, min(16 // (strips * across), window.images))
        for groups in (4, 2):
            if groups > 1 and 8 * groups >= 2 * window.channels:
                continue
            bytes_ = groups * 16 * depthwise_pitch(taps, strips, across, deep, images)[1]
            if bytes_ > min(shared, 113_000):
                continue
            spec: Spec = {
                "tile": [strips, across], "deep": deep, "images": images, "groups": groups, "warps": 4, "blocks": 2,
            }  # fmt: skip
            found.append((estimate_mma(window, spec), spec))
    return [spec for _, spec in sorted(found, key=lambda x: (x[0], str(x[1])))]
