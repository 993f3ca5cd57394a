"""Attention on CUDA: scores never leave the chip.  wgmma with the copy engine on Hopper, mma.sync elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from minirt.kernels.cuda.attention_problem import aligned, all_see, cached, exponent, group, piece, up, vectors
from minirt.kernels.cuda.attention_source import Source, attention_source, shared_bytes
from minirt.kernels.cuda.attention_tactics import busy, few_ways, preferred, resident_ways, single_ways
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.nest import broadcast_strides, is_one, same
from minirt.kernels.kernel import Kernel, Operand, Order, Problem, Target
from minirt.ops.attention import Attention
from minirt.ops.attention import heads as shared_heads
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Real, Spec, TensorMap, Unit
from minirt.types.dim import Dim, divide, minimum, mul

Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]
LARGEST_HEAD = 256
_MASKS = ("bool", "f16", "bf16", "f32")


class _FusedAttention(Kernel):
    """Base of both kernels."""

    ops = (Attention,)
    target = "cuda"
    method: ClassVar[str] = ""
    dtypes: ClassVar[tuple[str, ...]] = ("f16", "bf16")

    def timed(self, problem: Problem) -> int:
        """From the usual level on."""
        return 3

    def orders(self, problem: Problem) -> Orders:
        """Rows of 16-byte pieces: what lies otherwise is copied, where that helps; else contiguous rows."""
        found: list[Order | None] = []
        for operand in problem.inputs[:3]:
            axes, whole = tuple(range(operand.type.rank)), problem.divisible(operand.shape[-1], piece(operand))
            found.append(None if whole and aligned(problem, operand) else Order(axes, pitched=not whole))
        return (*found, *(None for _ in problem.inputs[3:])), (None,)

    def rejects(self, problem: Problem) -> str:
        """Types, sizes of heads, ranks."""
        q, k, v = problem.inputs[:3]
        if problem.target.capability < 80:
            return f"{problem.target.arch} has no mma.sync for 16-bit floats with 16 steps of k"
        if q.type.dtype.name not in self.dtypes:
            return f"attention of {q.type.dtype} is not of {' or '.join(self.dtypes)}"
        if q.type.dtype.bits == 32 and not problem.tf32:
            return "TF32 is not allowed"
        if q.type.rank not in (3, 4):
            return f"operands of rank {q.type.rank} are not batches of heads"
        for operand in (q, k, v):
            size = operand.shape[-1]
            if not isinstance(size, int) or not 0 < size <= LARGEST_HEAD:
                return f"heads have {size} numbers, not 1 to {LARGEST_HEAD}"
            if not (is_one(operand.shape[-1]) or same(operand.strides[-1], 1)):
                return "rows of an operand are not contiguous"
        if len(problem.inputs) > 3 and problem.inputs[3].type.dtype.name not in _MASKS:
            return f"a mask of {problem.inputs[3].type.dtype} is none of {', '.join(_MASKS)}"
        return self.refuses(problem)

    def refuses(self, problem: Problem) -> str:
        """Why the method does not take it; "" where it does."""
        return ""

    def source(self, spec: Spec, target: Target) -> CudaSource:
        """What to compile."""
        made = attention_source(spec)
        return CudaSource(made.text, made.entry)

    def spec(self, problem: Problem, tactic: Spec, widths: Sequence[int]) -> Spec:
        """The compile-time part; ``widths``: the sizes of heads, padded."""
        op = problem.op
        assert isinstance(op, Attention)
        mask = problem.inputs[3] if len(problem.inputs) > 3 else None
        row = mask is not None and not self._by_rows(problem)
        out = problem.outputs[0]
        return {
            "method": self.method, "dtype": problem.inputs[0].type.dtype.name, "heads": list(widths),
            "causal": op.causal, "mask": mask.type.dtype.name if mask is not None else None, "mask_row": row,
            "guard": op.guard, "empty": op.empty, "fast_out": vectors(problem, out), **tactic,
        }  # fmt: skip

    def _by_rows(self, problem: Problem) -> bool:
        """True where a mask differs from query to query."""
        if len(problem.inputs) < 4:
            return False
        return not same(self.strides(problem, problem.inputs[3], problem.outputs[0].shape[:-1])[-2], 0)

    def strides(self, problem: Problem, mask: Operand, rows: tuple[Dim, ...]) -> list[Dim]:
        """The mask's strides along batch, heads, queries and keys."""
        keys = problem.inputs[1].shape[-2]
        shape = (*rows, keys)
        found = [0 if is_one(d) else s for s, d in zip(broadcast_strides(mask, shape), shape, strict=True)]
        return [0] * (4 - len(found)) + found

    def values(self, problem: Problem) -> dict[str, Any]:
        """Arguments by name, but for tensor maps."""
        op, (q, k, v) = problem.op, problem.inputs[:3]
        assert isinstance(op, Attention)
        out, four = problem.outputs[0], q.type.rank == 4
        queries, keys, ratio = q.shape, k.shape, _ratio(problem)
        found: dict[str, Any] = {
            "batch": queries[0] if four else 1, "heads": queries[-3], "ratio": ratio, "s": queries[-2],
            "t": keys[-2], "d": queries[-1], "dv": v.shape[-1], "offset": op.offset,
            "group": group(problem),
            "scale": op.scale * math.log2(math.e), "hidden": exponent(op.hidden),
        }  # fmt: skip
        found["groups"] = up(mul(found["batch"], found["heads"]), found["group"])
        mask = problem.inputs[3] if len(problem.inputs) > 3 else None
        places = {"q": Address("in", 0), "k": Address("in", 1), "v": Address("in", 2), "o": Address("out", 0)}
        for (name, address), operand in zip(places.items(), (q, k, v, out), strict=True):
            steps = [0] * (4 - len(operand.strides)) + list(operand.strides)
            found |= {name: address, **{f"{name}_{axis}": s for axis, s in zip("bhsd", steps, strict=True)}}
        steps = [0] * 4 if mask is None else self.strides(problem, mask, out.shape[:-1])
        found["mask"] = Address("in", 3 if mask is not None else 0)
        return found | {f"m_{axis}": s for axis, s in zip("bhst", steps, strict=True)}

    def launched(self, spec: Spec, values: dict[str, Any], blocks: Dim, parts: int = 1) -> Launch:
        """One launch of ``blocks`` blocks, or of as many for each part of the keys."""
        made: Source = attention_source(spec)
        args = tuple(_argument(kind, values[name]) for name, kind in made.args)
        return Launch(Unit(self.name, spec), args, (blocks, parts, 1), (made.threads, 1, 1), made.shared, follows=True)


def _argument(kind: str, value: Any) -> Arg:
    if isinstance(value, Address | TensorMap):
        return value
    return Real(float(value), 32) if kind == "f32" else Integer(value, 64 if kind == "i64" else 32)


def _ratio(problem: Problem) -> Dim:
    return shared_heads(problem.inputs[0].shape, problem.inputs[1].shape)


def _shared(tactic: Spec, dtype: str, widths: Sequence[int]) -> int:
    return shared_bytes({**tactic, "method": "mma", "dtype": dtype, "heads": list(widths)})


def _tiles(problem: Problem, rows: int) -> Dim:
    q = problem.inputs[0].shape
    batch = q[0] if len(q) == 4 else 1
    return mul(mul(up(q[-2], rows), q[-3]), batch)


class _MmaAttention(_FusedAttention):
    """Base of the kernels on mma.sync, 16 queries a warp; 32-bit floats as TF32."""

    method = "mma"
    dtypes = ("f16", "bf16", "f32")

    def _widths(self, problem: Problem) -> list[int]:
        sizes = (problem.inputs[0].shape[-1], problem.inputs[2].shape[-1])
        return [-(-d // 16) * 16 for d in sizes if isinstance(d, int)]

    def values(self, problem: Problem) -> dict[str, Any]:
        """Arguments by name; heads of single queries that share keys become one head of several queries."""
        found = super().values(problem)
        if not is_one(found["s"]) or is_one(found["ratio"]):
            return found
        op = problem.op
        assert isinstance(op, Attention)
        seen = minimum(found["t"], op.offset + 1) if op.causal else found["t"]
        found |= {"heads": divide(found["heads"], found["ratio"]), "s": found["ratio"], "t": seen, "ratio": 1}
        for name in "qom":
            found |= {f"{name}_s": found[f"{name}_h"], f"{name}_h": mul(found[f"{name}_h"], found["s"])}
        return found

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """A block for each tile of queries, or several, and what joins their results."""
        parts, tile, values = int(tactic["parts"]), tactic["tile"], self.values(problem)
        cluster = int(tactic.get("cluster", 1))
        whole = all(vectors(problem, operand) for operand in problem.inputs[:3])
        spec = self.spec(problem, {"tile": tile, "split": parts > cluster, "vectors": whole}, self._widths(problem))
        if is_one(problem.inputs[0].shape[-2]) and not is_one(_ratio(problem)):
            spec |= {"causal": False, "mask_row": spec["mask_row"] and same(values["m_s"], 0)}
        spec |= {"across": int(tactic.get("across", 1)), "cluster": cluster}
        blocks = mul(mul(up(values["s"], tile[0]), values["heads"]), values["batch"])
        if parts == cluster:
            values |= {"parts": parts, "part": up(up(values["t"], tile[1]), parts)}
            values |= {"partial": Address("out", 0), "stats": Address("out", 0)}  # not used
            return Launches((self.launched(spec, values, blocks, parts),))
        rows = mul(mul(values["s"], values["heads"]), values["batch"])
        values |= {
            "parts": parts, "part": up(up(values["t"], tile[1]), parts),
            "partial": Address("work", 0), "stats": Address("work", 1),
        }  # fmt: skip
        join: Spec = {**spec, "method": "join", "tile": [128, 0], "causal": False, "mask": None, "mask_row": False}
        join |= {"across": 1, "cluster": 1}
        steps = (self.launched(spec, values, blocks, parts), self.launched(join, values, up(rows, 4)))
        return Launches(steps, (mul(mul(rows, values["dv"]), 4 * parts), mul(rows, 8 * parts)))


class AttentionMma(_MmaAttention):
    """Tensor cores by mma.sync; heads of up to 256, padded to 16.

    Where there are fewer tiles of queries than multiprocessors, the keys are split among blocks.
    """

    rank = 20

    def tactics(self, problem: Problem) -> list[Spec]:
        """Tiles that shared memory holds; small ones where there are few queries."""
        widths = self._widths(problem)
        few = problem.likely(_tiles(problem, 128)) < problem.target.multiprocessors
        rows = (64, 128) if few or problem.likely(problem.inputs[0].shape[-2]) <= 64 else (128, 64)
        dtype = problem.inputs[0].type.dtype.name
        room = problem.target.shared_memory or 99 * 1024
        found: list[Spec] = []
        for bm in (*rows, 32) if dtype == "f32" and max(widths) > 128 else rows:
            keys = (64, 32, 16) if max(widths) <= 128 and not self._by_rows(problem) else (32, 16)
            tiles: list[Spec] = [{"tile": [bm, bn], "parts": 1} for bn in keys]
            found += [t for t in tiles if _shared(t, dtype, widths) <= room][:1]
        parts = self._parts(problem, found[0]["tile"]) if found else []
        ways = [*({**found[0], "parts": n} for n in parts), *found]
        single = not parts and dtype != "f32" and problem.likely(self.values(problem)["s"]) <= 16
        length = problem.likely(problem.inputs[1].shape[-2])
        return [*ways, *single_ways(problem.target, length, widths)] if single else ways

    def _parts(self, problem: Problem, tile: list[int]) -> list[int]:
        """Into how many parts to split the keys, best guess first; none where there are blocks enough."""
        heads = self.values(problem)
        blocks = problem.likely(mul(mul(up(heads["s"], tile[0]), heads["heads"]), heads["batch"]))
        steps = problem.likely(up(problem.inputs[1].shape[-2], tile[1]))
        most = min(problem.target.multiprocessors * 2 // max(blocks, 1), steps // 2, 64)
        return [n for n in dict.fromkeys((most, most // 2)) if n > 1]

    def refuses(self, problem: Problem) -> str:
        """Tiles beyond the shared memory of a block."""
        return "" if self.tactics(problem) else "a tile of such heads exceeds the shared memory of a block"


class AttentionFew(_MmaAttention):
    """mma.sync where tiles of 64 queries leave multiprocessors without work.

    Tiles of fewer queries, warps that share queries, and clusters of blocks that share the keys.
    """

    rank = 5

    def refuses(self, problem: Problem) -> str:
        """Work enough for larger tiles, and heads beyond 128."""
        if max(self._widths(problem)) > 128:
            return "heads of more than 128 numbers take larger tiles"
        if self._tiles(problem, 64) > problem.target.multiprocessors:
            return "tiles of 64 queries are work enough for all multiprocessors"
        if self._suits_wgmma(problem):
            return "wgmma is faster where tiles of 64 queries and many keys occupy most multiprocessors"
        return "" if self._ways(problem) else "a tile of such heads exceeds the shared memory of a block"

    def tactics(self, problem: Problem) -> list[Spec]:
        """A few guesses."""
        return self._ways(problem)[:4]

    def further(self, problem: Problem) -> list[Spec]:
        """More of them."""
        return self._ways(problem)[4:12]

    def _tiles(self, problem: Problem, rows: int) -> int:
        held = self.values(problem)
        return problem.likely(mul(mul(up(held["s"], rows), held["heads"]), held["batch"]))

    def _suits_wgmma(self, problem: Problem) -> bool:
        """By times on an H100: heads of 64, 96 tiles of 512 keys and more, 48 of 197, which two warpgroups share."""
        keys, tiles = problem.likely(problem.inputs[1].shape[-2]), self._tiles(problem, 64)
        busy = (2 if keys >= 384 else 3) * tiles >= problem.target.multiprocessors
        many = (keys >= 384 or 160 <= keys <= 256) and problem.likely(problem.inputs[0].shape[-2]) >= 64
        taken = len(problem.inputs) == 3 and not AttentionWgmma().rejects(problem)
        return busy and many and taken and max(self._widths(problem)) <= 64

    def _ways(self, problem: Problem) -> list[Spec]:
        sizes = [self._tiles(problem, rows) for rows in (16, 32, 64)]
        queries, keys = (problem.likely(d) for d in (self.values(problem)["s"], problem.inputs[1].shape[-2]))
        slow = self._by_rows(problem) or not all(vectors(problem, operand) for operand in problem.inputs[:3])
        dtype = problem.inputs[0].type.dtype.name
        return few_ways(problem.target, dtype, sizes, (queries, keys), self._widths(problem), slow)


class AttentionWgmma(_FusedAttention):
    """Hopper's warpgroup products fed by its copy engine; heads of up to 256, padded to 64."""

    rank = 10
    method = "wgmma"

    def refuses(self, problem: Problem) -> str:
        """Only sm_90a; few queries waste most of a tile."""
        if problem.target.arch != "sm_90a":
            return f"wgmma is an instruction of sm_90a, not of {problem.target.arch}"
        if problem.bounds(problem.inputs[0].shape[-2])[1] <= 16:
            return "tiles of 64 queries are wasted on 16 or fewer"
        for operand in problem.inputs[:3]:
            if not vectors(problem, operand):
                return "rows of an operand are not made of 16-byte pieces"
            if any(same(s, 0) and not is_one(d) for s, d in zip(operand.strides, operand.shape, strict=True)):
                return "a tensor map takes no axis that repeats"
        return ""

    def tactics(self, problem: Problem) -> list[Spec]:
        """Tiles, best guess first."""
        op = problem.op
        assert isinstance(op, Attention)
        few = problem.likely(_tiles(problem, 64)) <= problem.target.multiprocessors
        sizes = self._sizes(problem)
        mask = self._mask(problem)
        tiled = preferred(problem.target, sizes, max(self._widths(problem)), mask, op.causal, few)
        kept = [way for way in self._resident(problem) if busy(problem.target, sizes, way)]
        # What reads keys and values for two tiles of queries gains little, and nothing where memory sets the time.
        first = not op.causal and (sizes[1] > 128 or (not mask and cached(problem)))
        return [*kept, *tiled] if first else [*tiled[:1], *kept, *tiled[1:]]

    def further(self, problem: Problem) -> list[Spec]:
        """Tactics that keep all keys of a head, where they leave multiprocessors without work."""
        sizes = self._sizes(problem)
        return [way for way in self._resident(problem) if not busy(problem.target, sizes, way)]

    def _mask(self, problem: Problem) -> str:
        return "" if len(problem.inputs) < 4 else "rows" if self._by_rows(problem) else "row"

    def _sizes(self, problem: Problem) -> tuple[int, int, int]:
        """How many heads there are likely to be, queries of one, keys of one."""
        q, keys = problem.inputs[0].shape, problem.inputs[1].shape[-2]
        heads = mul(q[0], q[1]) if len(q) == 4 else q[0]
        return problem.likely(heads), problem.likely(q[-2]), problem.likely(keys)

    def _resident(self, problem: Problem) -> list[Spec]:
        most = problem.bounds(problem.inputs[1].shape[-2])[1]
        if most > 1 << 20:
            return []
        sizes, widths = self._sizes(problem), self._widths(problem)
        return resident_ways(problem.target, sizes, int(most), widths, self._mask(problem))

    def _widths(self, problem: Problem) -> list[int]:
        sizes = (problem.inputs[0].shape[-1], problem.inputs[2].shape[-1])
        return [-(-d // 64) * 64 for d in sizes if isinstance(d, int)]

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """As many blocks as fit at once, each taking tiles in turn."""
        tile, per_sm = tactic["tile"], int(tactic["per_sm"])
        spec = self.spec(problem, {k: v for k, v in tactic.items() if k != "persistent"}, self._widths(problem))
        spec["soft"] = spec.get("soft", False) and all_see(problem)
        values, queries = self.values(problem), 64 if spec["method"] == "resident" else tile[0]
        for i, (name, rows) in enumerate((("q", queries), ("k", tile[1]), ("v", tile[1]))):
            values |= _map(problem, i, name, rows)
        tiles = _tiles(problem, tile[0])
        most = problem.target.multiprocessors * per_sm
        return Launches((self.launched(spec, values, minimum(tiles, most) if tactic["persistent"] else tiles),))


def _map(problem: Problem, number: int, name: str, rows: int) -> dict[str, Any]:
    """The tensor map of an operand, and whether its batch coordinate moves; axes of size 1 get any stride."""
    operand = problem.inputs[number]
    shape = [1] * (4 - operand.type.rank) + list(operand.shape)
    strides = [0] * (4 - operand.type.rank) + list(operand.strides)
    row = mul(strides[2], 2) if not is_one(shape[2]) else mul(up(mul(shape[3], 2), 16), 16)
    rest = [row if is_one(d) else mul(s, 2) for d, s in zip(shape[:2], strides[:2], strict=True)]
    dims = (shape[3], shape[2], shape[1], shape[0])
    dtype = operand.type.dtype.name
    made = TensorMap(Address("in", number), dtype, dims, (row, rest[1], rest[0]), (64, rows, 1, 1), (1, 1, 1, 1))
    return {f"t{name}": made, f"{name}_moves": int(not is_one(shape[0]))}
