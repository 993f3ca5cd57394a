"""Attention on wgmma: who works on what, the barriers between warps, which tactics there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from minirt.kernels.cuda.attention_source import attention_source
from minirt.kernels.cuda.attention_tactics import resident_ways
from minirt.kernels.cuda.compile import Compiled, CudaSource, compile_many, default_store
from minirt.plan.launch import Spec
from tests.kernels.cuda.attention_cases import attention, padding
from tests.kernels.cuda.execution import HOPPER, choices

LENGTHS = (1, 15, 16, 17, 63, 64, 65, 112, 113, 128, 197, 200, 208, 257, 577)


def piece_row(queries: int, first: int, head: int, piece: int) -> int:
    """As in attention_resident.cuh."""
    row = first + 64 * piece
    warps = (queries - row + 15) // 16
    return row if warps >= 4 else row - 16 * (head % (5 - warps))


def visits(queries: int, heads: int, pieces: int, block: int, blocks: int) -> list[tuple[int, int, int]]:
    """What a block takes in turn: head, first row, pieces of it."""
    tiles = -(-queries // (64 * pieces))
    found = []
    for t in range(block, tiles * heads, blocks):
        first = t % tiles * 64 * pieces
        found.append((t // tiles, first, min(pieces, -(-(queries - first) // 64))))
    return found


@pytest.mark.parametrize("queries", LENGTHS)
@pytest.mark.parametrize("pieces", [1, 2, 4, 8])
def test_each_row_belongs_to_one_warp(queries: int, pieces: int) -> None:
    for head in range(5):
        written = np.zeros(queries, int)
        for number, first, count in visits(queries, head + 1, pieces, 0, 1):
            for piece in range(count if number == head else 0):
                for warp in range(4):
                    row = piece_row(queries, first, head, piece) + 16 * warp
                    if row < queries and row >= first + 64 * piece:
                        written[row : row + 16] += 1
        assert (written == 1).all()


@dataclass
class Barrier:
    """An mbarrier: a phase ends when ``count`` have arrived."""

    count: int
    phase: int = 0
    left: int = field(default=-1)

    def arrive(self, number: int = 1) -> None:
        """As many arrivals."""
        self.left = (self.count if self.left < 0 else self.left) - number
        assert self.left >= 0
        if self.left == 0:
            self.phase, self.left = self.phase + 1, self.count

    def passed(self, parity: int) -> bool:
        """What try_wait.parity says: the phase of this parity is over."""
        return (self.phase - 1) % 2 == parity


class Block:
    """One block's barriers and shared memory; contents are named, and what is being read is counted."""

    def __init__(self, way: Spec, work: list[tuple[int, int, int]]) -> None:
        self.stages, self.slots, self.groups = int(way["stages"]), int(way["q_stages"]), int(way["consumers"])
        self.work, self.done = work, list[tuple[int, int, int]]()
        self.q_full, self.q_empty = self._barriers(self.slots, 1), self._barriers(self.slots, 4)
        self.k_full, self.v_full = self._barriers(self.stages, 1), self._barriers(self.stages, 1)
        self.empty = self._barriers(self.stages, 4 * self.groups)
        self.q, self.k, self.v = [None] * self.slots, [None] * self.stages, [None] * self.stages
        self.reading: dict[tuple[str, int], int] = {}
        self.copies: list[Iterator[object]] = []

    def _barriers(self, number: int, count: int) -> list[Barrier]:
        return [Barrier(count) for _ in range(number)]

    def put(self, name: str, place: int, what: object, full: Barrier) -> None:
        """Ask for a copy; it arrives at some time, in any order, and nobody may be reading what it replaces."""

        def copy() -> Iterator[object]:
            getattr(self, name)[place] = None
            yield None
            assert not self.reading.get((name, place)), f"{name}{place} is overwritten while it is read"
            getattr(self, name)[place] = what
            full.arrive()

        self.copies.append(copy())

    def feed(self) -> Iterator[object]:
        """The warp that copies; yields (barrier, parity) to wait for."""
        q = 0
        for turn, (head, first, count) in enumerate(self.work):
            stage, phase = turn % self.stages, turn // self.stages & 1
            yield self.empty[stage], phase ^ 1
            self.put("k", stage, (head, first), self.k_full[stage])
            for piece in range(count):
                yield self.q_empty[q % self.slots], (q // self.slots & 1) ^ 1
                self.put("q", q % self.slots, (head, first, piece), self.q_full[q % self.slots])
                q += 1
                if piece == 0:
                    self.put("v", stage, (head, first), self.v_full[stage])

    def _read(self, name: str, place: int, wanted: object) -> Iterator[object]:
        assert getattr(self, name)[place] == wanted
        self.reading[name, place] = self.reading.get((name, place), 0) + 1
        yield None
        assert getattr(self, name)[place] == wanted
        self.reading[name, place] -= 1

    def consume(self, me: int) -> Iterator[object]:
        """A warpgroup."""
        before = 0
        for turn, (head, first, count) in enumerate(self.work):
            stage, phase = turn % self.stages, turn // self.stages & 1
            yield self.k_full[stage], phase
            for piece in range((me + self.groups - before % self.groups) % self.groups, count, self.groups):
                number = before + piece
                yield self.q_full[number % self.slots], number // self.slots & 1
                yield from self._read("k", stage, (head, first))
                yield from self._read("q", number % self.slots, (head, first, piece))
                self.q_empty[number % self.slots].arrive(4)
                yield self.v_full[stage], phase
                yield from self._read("v", stage, (head, first))
                self.done.append((head, first, piece))
            self.empty[stage].arrive(4)
            before += count


def run(block: Block, rng: np.random.Generator) -> None:
    """All warps in a random order until they end; fails where all of them wait."""
    actors = [block.feed(), *(block.consume(i) for i in range(block.groups))]
    waits: dict[int, object] = dict.fromkeys(range(len(actors)))
    while waits:
        ready = [i for i, w in waits.items() if not isinstance(w, tuple) or w[0].passed(w[1])]
        assert ready, "all wait"
        chosen = int(rng.choice(ready))
        try:
            waits[chosen] = next(actors[chosen])
        except StopIteration:
            del waits[chosen]
        waits.update((len(actors) + i, None) for i in range(len(block.copies)))
        actors += block.copies
        block.copies.clear()


@pytest.mark.parametrize("queries", [17, 64, 197, 257, 1000])
def test_no_warp_waits_for_ever_nor_reads_what_is_replaced(queries: int) -> None:
    rng = np.random.default_rng(queries)
    ways: list[Spec] = [
        {"stages": stages, "q_stages": slots, "consumers": groups}
        for stages in (2, 3) for groups, slots in ((3, 6), (3, 3), (2, 8), (2, 4), (2, 2))
    ]  # fmt: skip
    for way in ways:
        for pieces in (1, 2, 4, 8):
            work = visits(queries, 9, pieces, 0, 2)
            block = Block(way, work)
            run(block, rng)
            assert sorted(block.done) == [(h, f, p) for h, f, count in sorted(work) for p in range(count)]


@pytest.mark.parametrize("across", [2, 3, 4])
def test_warpgroups_that_share_queries_share_the_tiles_of_keys(across: int) -> None:
    """As attention_wgmma.cuh counts: each tile is one warpgroup's, whose stage and phase are those of the feeder."""
    stages, counts = 2 * across, [4, 1, 0, 7, 3, 2, 9, 5]
    taken: list[int] = []
    for me in range(across):
        stage, phase, before = me, 0, 0
        for count in counts:
            for j in range((me + across - before % across) % across, count, across):
                number = before + j
                taken.append(number)
                assert (stage, phase) == (number % stages, number // stages & 1)
                stage += across
                if stage >= stages:
                    stage, phase = stage - stages, phase ^ 1
            before += count
    assert sorted(taken) == list(range(sum(counts)))


def test_tactics_of_few_heads_share_the_keys() -> None:
    for queries, tiles in ((512, {2: 128, 4: 64}), (197, {2: 112, 4: 64}), (577, {2: 112, 4: 64})):
        case = attention("few", 1, 12, queries, 64, causal=queries == 512)
        ways = [way for kernel, _, way in choices(case, HOPPER) if kernel.name == "AttentionWgmma"]
        assert {way["across"]: way["tile"][1] for way in ways[:2]} == tiles


def test_where_it_is_the_first_guess() -> None:
    for case, wanted in (
        (attention("vit", 32, 12, 197, 64, how="packed"), [256, 208]),
        (attention("across", 2, 8, 4096, 64, t=77), [256, 80]),
    ):
        kernel, _, tactic = next(choices(case, HOPPER))
        assert (kernel.name, tactic.get("method"), tactic["tile"]) == ("AttentionWgmma", "resident", wanted)
    for case in (
        attention("few heads", 1, 12, 197, 64),
        attention("long", 32, 12, 257, 64),
    ):
        assert not any(tactic.get("method") == "resident" for _, _, tactic in choices(case, HOPPER))
    bert = attention("bert", 32, 12, 128, 64, mask=padding(32, 128), how="packed")
    assert [tactic.get("method") for _, _, tactic in choices(bert, HOPPER)][:2] == [None, "resident"]
    causal = [tactic.get("method") for _, _, tactic in choices(attention("c", 32, 12, 197, 64, causal=True), HOPPER)]
    assert causal[:2] == [None, "resident"]
    gpt = next(choices(attention("gpt", 1, 12, 512, 64, causal=True), HOPPER))
    assert (gpt[0].name, gpt[2]["across"]) == ("AttentionWgmma", 2)
    few = [tactic for _, _, tactic in choices(attention("few heads", 1, 12, 197, 64), HOPPER, further=True)]
    assert any(tactic.get("method") == "resident" for tactic in few)


@pytest.mark.compile
@pytest.mark.timeout(900)
def test_tiles_of_all_widths_compile_without_spilling() -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found: dict[str, tuple[CudaSource, Spec]] = {}
    kinds = (
        ([64, 64], None, ""), ([64, 64], "bool", "row"), ([128, 128], None, ""), ([64, 64], "f16", "rows"),
        ([128, 64], "f32", "row"), ([64, 128], None, ""),
    )  # fmt: skip
    for keys in (16, 80, 128, 144, 176, 208, 224, 256):
        for widths, mask, kind in kinds:
            for way in resident_ways(HOPPER, (384, keys, keys), keys, widths, kind):
                spec: Spec = {
                    "dtype": "f16", "heads": widths, "causal": keys in (80, 144, 208), "mask": mask,
                    "mask_row": kind == "row", "guard": False, "empty": False, "fast_out": True, **way,
                }  # fmt: skip
                made = attention_source(spec)
                assert made.shared <= HOPPER.shared_memory - 1024 - 4 * way["stages"] * keys * (kind == "row")
                found[made.text] = CudaSource(made.text, made.entry), spec
    codes = compile_many([source for source, _ in found.values()], HOPPER.arch, default_store())
    for (_, spec), code in zip(found.values(), codes, strict=True):
        assert isinstance(code, Compiled), f"{spec}: {code}"
        assert code.spills == 0 and not code.advisories, f"{spec}: {code.resources} {code.advisories}"
