"""Attention on wgmma: the order of tiles under causality, and warpgroups that pass over tiles of keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from minirt.plan.launch import Spec
from tests.kernels.cuda.attention_cases import attention
from tests.kernels.cuda.execution import HOPPER, choices
from tests.kernels.cuda.matrix_cases import MatrixCase
from tests.kernels.cuda.test_attention_resident import Barrier, Block, run


def placed(number: int, heads: int, tiles: int, group: int) -> tuple[int, int]:
    """Head and tile of queries of a tile's number, as head_at in attention.cuh."""
    which = number // (group * tiles)
    inside, width = number - which * group * tiles, min(heads - which * group, group)
    tile = inside // width
    head = which * group + inside - tile * width
    return head, tiles - 1 - tile if -(-heads // group) - which & 1 else tile


def taken(heads: int, tiles: int, group: int, blocks: int, block: int) -> Iterator[tuple[int, int]]:
    """What a block takes in turn, as tile_number in attention_turns.cuh."""
    turn = 0
    while True:
        before = turn * blocks
        back = turn + before // (group * tiles) & 1
        number = before + (blocks - 1 - block if back else block)
        if number >= heads * tiles:
            return
        yield placed(number, heads, tiles, group)
        turn += 1


@pytest.mark.parametrize(("heads", "tiles"), [(1, 1), (3, 7), (96, 4), (100, 8), (37, 13), (5, 64)])
@pytest.mark.parametrize("group", [1, 2, 6, 48, 1000])
@pytest.mark.parametrize("blocks", [1, 5, 132, 396])
def test_each_tile_is_taken_once(heads: int, tiles: int, group: int, blocks: int) -> None:
    blocks = min(blocks, heads * tiles)
    found = sorted(one for block in range(blocks) for one in taken(heads, tiles, group, blocks, block))
    assert found == list(product(range(heads), range(tiles)))


@pytest.mark.parametrize(
    ("heads", "queries", "group"), [(512, 512, 192), (128, 2048, 48), (32, 8192, 12), (16, 8192, 6)]
)
def test_blocks_get_as_much_to_do(heads: int, queries: int, group: int) -> None:
    """In steps of 128 keys, a tile costing one and a half beside them."""
    tiles, fixed = queries // 128, 1.5
    work = [sum(tile + 1 + fixed for _, tile in taken(heads, tiles, group, 132, block)) for block in range(132)]
    assert max(work) <= 1.04 * heads * tiles * ((tiles + 1) / 2 + fixed) / 132


def own_end(row: int, keys: int, offset: int) -> int:
    """As in attention_wgmma.cuh."""
    return min((row & ~63) + 64 + offset, keys)


@pytest.mark.parametrize("offset", [-300, -70, -3, 0, 1, 64, 200])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (64, 64), (577, 577), (200, 131), (131, 400)])
@pytest.mark.parametrize(("rows", "columns"), [(192, 128), (256, 64)])
def test_a_warpgroup_reads_all_keys_of_its_rows(queries: int, keys: int, offset: int, rows: int, columns: int) -> None:
    for first in range(0, queries, rows):
        last = min(first + rows + offset, keys)
        count = -(-last // columns) if last > 0 else 0
        for row in range(first, first + rows):
            end = own_end(row, keys, offset)
            own = -(-end // columns) if end > 0 else 0
            assert 0 <= own <= count
            seen = min(row + offset, keys - 1) + 1
            assert own * columns >= seen
            steps, column = int(end > 0), 0
            while steps and column + columns < end:
                column, steps = column + columns, steps + 1
            assert steps == own


@pytest.mark.parametrize("offset", [-70, -3, 0, 5, 130])
@pytest.mark.parametrize("keys", [1, 63, 97, 128, 257])
def test_what_is_hidden(keys: int, offset: int) -> None:
    """As cut in attention.cuh: elements of a lane are compared with its last column that counts."""
    row, column = np.arange(0, 300, 7)[:, None, None], np.arange(0, 300, 3)[:, None]
    inside = np.array([8 * (e >> 2) + (e & 1) for e in range(64)])
    below = 8 * np.array([e >> 1 & 1 for e in range(64)])
    last = np.minimum(keys - 1, row + below + offset) - column
    key = column + inside
    np.testing.assert_array_equal(inside > last, (key >= keys) | (key > row + below + offset))


class Apart(Block):
    """A block of attention_wgmma.cuh's consume_apart, warp by warp; products take four warps, turns two warpgroups."""

    def __init__(self, way: Spec, tiles: list[list[int]]) -> None:
        """``tiles``: how many tiles of keys each warpgroup reads, for each tile of queries."""
        super().__init__(way, [])
        self.tiles, self.warpgroups, self.turns = tiles, self.groups, bool(way.get("turns"))
        self.groups = 4 * self.warpgroups  # actors of `run`
        self.q_empty = self._barriers(self.slots, self.groups)
        self.k_empty, self.v_empty = (self._barriers(self.stages, self.groups) for _ in range(2))
        self.met = [[Barrier(4), Barrier(4)] for _ in range(self.warpgroups)]
        self.turn = self._barriers(self.warpgroups, 8)
        self.finished: list[tuple[int, int, str, int]] = []

    def feed(self) -> Iterator[object]:
        """The warp that copies."""
        n = 0
        for turn, owned in enumerate(self.tiles):
            slot = turn % self.slots
            yield self.q_empty[slot], (turn // self.slots & 1) ^ 1
            self.put("q", slot, turn, self.q_full[slot])
            for _ in range(max(owned)):
                stage, phase = n % self.stages, n // self.stages & 1
                for name, empty, full in (("k", self.k_empty, self.k_full), ("v", self.v_empty, self.v_full)):
                    yield empty[stage], phase ^ 1
                    self.put(name, stage, n, full[stage])
                n += 1

    def _product(self, actor: int, name: str, n: int, turn: int) -> Iterator[object]:
        """A product that all four warps of a warpgroup ask for, and wait for."""
        for step, barrier in enumerate(self.met[actor // 4]):
            generation = barrier.phase
            if step == 1:
                yield from self._read(name, n % self.stages, n)
                if name == "k":
                    yield from self._read("q", turn % self.slots, turn)
            barrier.arrive()
            yield barrier, generation & 1
        if actor % 4 == 0:
            self.finished.append((turn, actor // 4, name, n))

    def _give(self, barriers: list[Barrier], n: int) -> None:
        barriers[n % len(barriers)].arrive()

    def _full(self, name: str, n: int) -> tuple[Barrier, int]:
        return getattr(self, f"{name}_full")[n % self.stages], n // self.stages & 1

    def _take(self, me: int) -> Iterator[object]:
        if self.turns:
            generation = self.turn[me].phase
            self.turn[me].arrive()
            yield self.turn[me], generation & 1

    def _pass(self, me: int) -> None:
        if self.turns:
            self.turn[(me + 1) % self.warpgroups].arrive()

    def consume(self, actor: int) -> Iterator[object]:
        """A warp."""
        me, n = actor // 4, 0
        if me == self.warpgroups - 1:
            self._pass(me)
        for turn, owned in enumerate(self.tiles):
            own = owned[me]
            yield self.q_full[turn % self.slots], turn // self.slots & 1
            if own == 0:
                self._give(self.q_empty, turn)
            else:
                yield self._full("k", n)
                yield from self._product(actor, "k", n, turn)
                if own == 1:
                    self._give(self.q_empty, turn)
                self._give(self.k_empty, n)
                for j in range(1, own):
                    n += 1
                    yield self._full("k", n)
                    yield from self._take(me)
                    yield self._full("v", n - 1)
                    self._pass(me)
                    yield from self._product(actor, "k", n, turn)
                    if j + 1 == own:
                        self._give(self.q_empty, turn)
                    self._give(self.k_empty, n)
                    yield from self._product(actor, "v", n - 1, turn)
                    self._give(self.v_empty, n - 1)
                yield self._full("v", n)
                yield from self._product(actor, "v", n, turn)
                self._give(self.v_empty, n)
                n += 1
            for passed in range(own, max(owned)):
                yield self._full("k", n)
                if passed > 0:
                    yield from self._take(me)
                    self._pass(me)
                self._give(self.k_empty, n)
                yield self._full("v", n)
                self._give(self.v_empty, n)
                n += 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "way", [{"consumers": 3, "turns": True}, {"consumers": 3}, {"consumers": 4}], ids=["turns", "three", "four"]
)
def test_no_warp_waits_for_ever_nor_reads_what_is_replaced(way: Spec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for stages, slots in ((4, 2), (8, 2), (2, 1), (4, 1)):
        tiles = [sorted(map(int, rng.integers(0, 7, int(way["consumers"])))) for _ in range(9)]
        block = Apart({"stages": stages, "q_stages": slots, **way}, tiles)
        run(block, rng)
        wanted, n = [], 0
        for turn, owned in enumerate(tiles):
            wanted += [(turn, me, x, n + j) for me, own in enumerate(owned) for j in range(own) for x in "kv"]
            n += max(owned)
        assert sorted(block.finished) == sorted(wanted)


def test_tactics_of_long_rows_include_those_of_many_warpgroups() -> None:
    for causal in (True, False):
        case = attention("long", 8, 16, 2048, 64, causal=causal)
        ways = [way for kernel, _, way in choices(case, HOPPER) if kernel.name == "AttentionWgmma"]
        assert {tuple(way["tile"]) for way in ways} >= {(192, 128), (256, 64), (128, 128), (64, 64)}


def first(case: MatrixCase) -> Spec:
    """The tactic that is taken where nothing is timed."""
    return next(choices(case, HOPPER))[2]


def test_first_guesses_follow_the_rows_of_the_busiest_multiprocessor() -> None:
    for batch, heads, length, tile in (
        (8, 12, 577, [192, 128]), (4, 16, 2048, [192, 128]),
        (1, 17, 1536, [128, 128]),  # 136 tiles of 192 and 204 of 128 take two rounds each
        (1, 22, 768, [128, 128]),  # 88 tiles of 192 and 132 of 128 one round each
    ):  # fmt: skip
        assert first(attention("long", 1, batch * heads, length, 64))["tile"] == tile, (batch, heads, length)


def test_first_guesses_of_short_rows() -> None:
    assert first(attention("cached", 32, 12, 128, 64))["method"] == "resident"
    assert first(attention("not cached", 128, 16, 128, 64))["tile"] == [64, 64]
    image = first(attention("one image", 1, 12, 197, 64))
    assert (image["tile"], image["across"]) == ([64, 112], 2)
    assert first(attention("large image", 1, 12, 577, 64))["across"] == 4


def test_heads_of_128_take_longer_tiles_of_keys_where_few_columns_are_wasted() -> None:
    for heads, length, tile in ((9, 2048, 176), (3, 8192, 176), (20, 512, 128), (40, 197, 112), (40, 300, 160)):
        assert first(attention("long", 1, heads, length, 128))["tile"] == [128, tile], length
    assert first(attention("long", 1, 9, 2048, 128, causal=True))["tile"] == [128, 128]


def test_single_queries_of_many_heads_are_timed_in_small_blocks() -> None:
    case = attention("decode", 16, 32, 1, 128, t=1024)
    ways = [way for kernel, _, way in choices(case, HOPPER) if kernel.name == "AttentionMma"]
    assert ways[0] == {"tile": [64, 64], "parts": 1}
    assert {(*way["tile"], way["parts"]) for way in ways} >= {(16, 64, 1), (16, 32, 1), (16, 64, 2), (16, 64, 4)}
