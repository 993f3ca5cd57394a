"""Ways to run attention, best guesses first: tiles, and how warps and blocks share queries and keys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from minirt.kernels.cuda.attention_source import shared_bytes
from minirt.kernels.kernel import Target
from minirt.plan.launch import Spec

_ROWS = (16, 32, 64)
_CLUSTERS = ((1, 1), (2, 2), (4, 4), (8, 8), (16, 1), (32, 1))  # parts of the keys, and blocks of a cluster
_LAUNCHES = ((1, 1), (4, 1), (8, 1), (16, 1), (32, 1))  # where there are no clusters: a second launch joins the parts


def few_ways(
    target: Target, dtype: str, tiles: Sequence[int], sizes: tuple[int, int], widths: Sequence[int], slow: bool
) -> list[Spec]:
    """Tactics of mma.sync for ``tiles`` tiles of 16, 32, 64 queries; ``sizes``: queries of a head, keys.

    ``slow``: a mask differs from query to query, or rows are read number by number, which take registers.
    """
    (queries, keys), wide = sizes, max(widths) > 64
    room = target.shared_memory or 99 * 1024
    size = 4 if dtype == "f32" else 2
    shares = _CLUSTERS if target.capability >= 90 else _LAUNCHES
    found: list[tuple[float, Spec]] = []
    for (rows, count), bn, across, (parts, cluster) in product(
        zip(_ROWS, tiles, strict=True), (64, 128, 256), (1, 2, 4, 8), shares
    ):
        threads, each = 2 * rows * across, bn // across
        most = 256 if wide and (slow or size == 4) else 512
        if not 16 <= each <= (32 if slow or wide else 64) or not 64 <= threads <= most:
            continue
        if size == 4 and threads == 512 and each > 16:
            continue  # registers
        steps = -(-keys // bn)
        if (rows > 16 and queries <= rows // 2) or steps < parts or (bn > 64 and (slow or keys <= bn // 2)):
            continue
        way: Spec = {"tile": [rows, bn], "across": across, "parts": parts, "cluster": cluster}
        shared = shared_bytes({**way, "method": "mma", "dtype": dtype, "heads": list(widths)})
        if shared > room or (parts > 1 and count * parts > 2 * target.multiprocessors):
            continue
        resident = max(1, min((room + 4096) // (shared + 2048), 1536 // threads))
        steps, width = -(-steps // parts), sum(widths) * size // 2
        found.append((_cycles(way, count, steps, width, resident, target.multiprocessors), way))
    found.sort(key=lambda one: one[0])
    return [way for _, way in found]


def _cycles(way: Spec, tiles: int, steps: int, width: int, resident: int, processors: int) -> float:
    """A measure of the time: steps of one block, as many beside each other as a multiprocessor must hold.

    ``width``: both heads' sizes, twice as much for 32-bit floats, which are twice the bytes and twice the products.
    """
    rows, bn, across, parts, cluster = map(int, (*way["tile"], way["across"], way["parts"], way["cluster"]))
    blocks = tiles * parts
    beside = min(resident, -(-blocks // processors))
    waves = -(-blocks // (processors * beside))
    load = beside * bn * width * 2 / 50.0  # bytes a cycle from the second-level cache
    products = bn // across * width / 8.0 + 6.0 * (bn // across) + 100.0  # 16 cycles for each of 16 x 8 x 16
    busy = max(1.0, rows / 16 * across * beside / 4.0)  # warps for each of four units
    step = max(load, products * busy) + 200.0
    join = 150.0 * (across > 1) + 60.0 * across + 700.0 * (cluster > 1) + (3500.0 + 40.0 * parts) * (parts > cluster)
    return waves * (800.0 + load + steps * step + join)


def single_ways(target: Target, keys: int, widths: Sequence[int]) -> list[Spec]:
    """Tactics of mma.sync for heads enough of 16 queries and fewer, where reading keys and values takes all the time.

    Small blocks, which all run at once, or are so many that multiprocessors end together.
    """
    if keys < 512 or max(widths) > 128:
        return []
    found: list[Spec] = [{"tile": [16, 64], "across": 4, "parts": 1}, {"tile": [16, 32], "across": 2, "parts": 1}]
    if target.capability < 90:
        return found
    return [*found, *({"tile": [16, 64], "across": 4, "parts": n, "cluster": n} for n in (2, 4))]


_COMMON: Spec = {
    "stages": 2, "q_stages": 1, "persistent": True, "turns": False, "hold": True, "lazy": True, "soft": False,
}  # fmt: skip
_TWO: Spec = {**_COMMON, "consumers": 2, "registers": [40, 232], "per_sm": 1}
_ONE: Spec = {**_COMMON, "consumers": 1, "registers": [40, 216], "per_sm": 2}
_THREE: Spec = {
    **_COMMON, "tile": [192, 128], "consumers": 3, "registers": [32, 160], "per_sm": 1, "hold": False,
    "stages": 4, "q_stages": 2,
}  # fmt: skip
_FOUR: Spec = {**_THREE, "tile": [256, 64], "consumers": 4, "registers": [32, 112], "stages": 8}
_TACTICS: dict[str, Spec] = {
    "first": {**_TWO, "tile": [128, 128], "turns": True, "hold": False, "lazy": False},
    "turns": {**_TWO, "tile": [128, 128], "turns": True},
    "turns deep": {**_TWO, "tile": [128, 128], "turns": True, "stages": 4},
    "plain": {**_TWO, "tile": [128, 128]},
    "once": {**_TWO, "tile": [128, 128], "persistent": False},
    "large": {**_TWO, "tile": [128, 192], "turns": True},
    "long": {**_TWO, "tile": [128, 176], "turns": True, "hold": False, "registers": [24, 240]},
    "longer": {**_TWO, "tile": [128, 160], "turns": True, "hold": False, "registers": [24, 240]},
    "three": {**_THREE, "turns": True},
    "three plain": _THREE,
    "four": _FOUR,
    "many": {**_ONE, "tile": [64, 64], "registers": [32, 128], "per_sm": 3},
    "many deep": {**_ONE, "tile": [64, 64], "registers": [32, 128], "per_sm": 3, "stages": 4},
    "many cold": {**_ONE, "tile": [64, 64], "registers": [40, 120], "per_sm": 3, "hold": False},
    "pair": {**_ONE, "tile": [64, 128]},
    "pair soft": {**_ONE, "tile": [64, 128], "soft": True},
    "wide": {**_TWO, "tile": [128, 64]},
    "cold": {**_TWO, "tile": [128, 64], "hold": False},
}  # fmt: skip
"""By tile, how many blocks share a multiprocessor, and the ways to save time that they take: "first" none but turns;
"deep" ones ask for keys and values further ahead; "cold" ones keep queries in shared memory, since masks and large
heads need the registers; "three" and "four" are warpgroups that share each tile of keys, which blocks of 64 queries
read as fast as the second-level cache gives them, and which pass over tiles that their own rows do not read."""


def preferred(
    target: Target, sizes: tuple[int, int, int], width: int, mask: str, causal: bool, few: bool
) -> list[Spec]:
    """Tactics of wgmma, best guess first; a mask takes registers, "rows" (one for each query) the most.

    ``sizes``: heads in all, queries of one, keys of one; ``few``: tiles of 64 queries leave multiprocessors without
    work.
    """
    keys, plain = sizes[2], not (mask or causal)
    found = [_TACTICS[name] for name in _names(width, keys, mask, causal, few)]
    if width > 64:
        return _lengthened(keys, found) if plain and width <= 128 else found
    if few and mask != "rows":
        shares = (2,) if mask else (2, 4) if keys <= 512 else (4, 2)  # of 577 keys two take no fewer steps than four
        return [*(_split(keys, across) for across in shares), *found]
    if mask or few:
        return found
    if plain and keys > 208 and _rows(target, sizes, 192) * _THREE_TIME <= _rows(target, sizes, 128):
        found.sort(key=lambda way: way != _TACTICS["three"])
    fitted = [{**_TACTICS[name], "tile": [rows, _fitted(keys, most)]} for name, rows, most in _FITTED]
    spared = [way for way in fitted if _columns(keys, way["tile"][1]) <= 0.93 * _columns(keys, 128)]
    return [*found[:2], *spared, *found[2:]]


_THREE_TIME = 0.87
"""Time of a row of queries where three warpgroups share keys, in that of one where two take turns, on an H100."""


def _rows(target: Target, sizes: tuple[int, int, int], rows: int) -> int:
    """Rows of queries that the busiest multiprocessor takes, in tiles of ``rows``."""
    return -(-sizes[0] * -(-sizes[1] // rows) // target.multiprocessors) * rows


def _lengthened(keys: int, found: list[Spec]) -> list[Spec]:
    """Ways with heads of 128 and those with longer tiles of keys, which spend less on each key beside its products."""
    tile = _fitted(keys, 176)
    way = {**_TACTICS["long"], "tile": [128, tile]}
    if keys >= 1024:
        return [way, found[0], _TACTICS["longer"], *found[1:]]
    if tile <= 128 and _columns(keys, tile) > 0.93 * _columns(keys, 128):
        return found
    return [way, *found] if _columns(keys, tile) <= 0.93 * _columns(keys, 128) else [found[0], way, *found[1:]]


def _split(keys: int, across: int) -> Spec:
    """Tiles of 64 queries that warpgroups share, each with its part of the keys; in as few steps as registers allow."""
    most = 128 if across == 2 else 64
    steps = max(1, -(-keys // (across * most)))
    tile = max(16, -(-keys // (16 * steps * across)) * 16)
    registers = [40, 232] if across == 2 else [32, 112]
    return {
        **_COMMON, "tile": [64, tile], "consumers": across, "across": across, "stages": 2 * across, "per_sm": 1,
        "registers": registers, "hold": across == 2, "persistent": False,
    }  # fmt: skip


_FITTED = (("turns", 128, 192), ("pair", 64, 128))  # a tactic, its queries, and the widest tile that its registers hold


def _fitted(keys: int, most: int) -> int:
    """The least tile that takes the keys in as few steps as tiles of ``most`` do."""
    steps = -(-keys // most)
    return max(16, -(-keys // (16 * steps)) * 16)


def _columns(keys: int, tile: int) -> int:
    """Scores of a query that are worked out, those that are hidden among them."""
    return -(-keys // tile) * tile


def _names(width: int, keys: int, mask: str, causal: bool, few: bool) -> list[str]:
    if width > 128:
        return ["cold"]
    if width > 64:
        if mask:
            return ["cold"] if mask == "rows" else ["first", "cold"]
        found = ["turns", "first", "wide"]
        return ["once", *found] if causal and keys > 2048 else [*found[:2], "once", *found[2:]]
    if mask == "rows":
        return ["wide"]
    if mask:
        return ["many cold", "pair", "turns"] if keys <= 208 else ["turns", "plain", "pair", "many cold"]
    if few:
        return ["pair", "many", "pair soft", "turns"]
    if keys <= 208:
        return ["many", "pair", "turns"]
    if causal:  # short rows of tiles differ in length the most
        found = ["turns deep", "three", "four", "three plain", "turns", "pair", "once"]
        return ["many deep", "many", *found] if keys <= 1024 else [*found[:3], "many", *found[3:]]
    return ["turns deep", "three", "four", "turns", "pair", "many", "large", "many deep" if keys <= 1024 else "plain"]


# The widest tiles that registers hold, by mask, of heads up to 64 and beyond; with two warpgroups, with three.
_MOST = {"": (256, 176), "row": (256, 176), "rows": (144, 144)}
_WIDEST = {"": (208, 128), "row": (176, 0), "rows": (96, 80)}


def resident_ways(
    target: Target, sizes: tuple[int, int, int], keys: int, widths: Sequence[int], mask: str
) -> list[Spec]:
    """Tactics that keep all keys of a head, at most ``keys``; ``sizes``: heads in all, queries of one, keys of one.

    The best guess first; none where a head's keys exceed a tile, or are likely to fill little of it.
    """
    (heads, queries, likely), tile, wide = sizes, -(-keys // 16) * 16, max(widths)
    if keys < 1 or wide > 128 or tile >= likely + 64 or tile > _MOST[mask][wide > 64]:
        return []
    pieces = most = max(1, min(8, -(-queries // 64)))
    while pieces > 2 and heads * -(-queries // (64 * pieces)) < target.multiprocessors:
        pieces = -(-pieces // 2)
    found: list[Spec] = []
    registers = {3: [32, 160], 2: [40, 232]} if not mask else {3: [56, 152], 2: [56, 224]}
    for consumers in (3, 2) if tile <= _WIDEST[mask][wide > 64] else (2,):
        slots = (6, 3) if consumers == 3 else (8, 4, 2)
        for stages, q_stages in product((3, 2), slots):
            way: Spec = {
                "method": "resident", "tile": [64 * pieces, tile], "stages": stages, "q_stages": q_stages,
                "consumers": consumers, "registers": registers[consumers], "per_sm": 1, "persistent": True,
            }  # fmt: skip
            if shared_bytes({**way, "heads": list(widths)}) + 4 * stages * tile + 1024 <= target.shared_memory:
                found.append(way)
                break
    return found if pieces == most else [*found, *({**way, "tile": [64 * most, tile]} for way in found[:1])]


def busy(target: Target, sizes: tuple[int, int, int], way: Spec) -> bool:
    """True where a tactic of ``resident_ways`` has work for most multiprocessors, in rounds that are nearly full."""
    tiles = sizes[0] * -(-sizes[1] // int(way["tile"][0]))
    rounds = -(-tiles // target.multiprocessors)
    return 10 * tiles >= 7 * rounds * target.multiprocessors
