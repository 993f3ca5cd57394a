"""Attention as cases for the CUDA kernels: sizes, layouts, masks, causality, shared heads, queries that see nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from minirt.ops.attention import Attention
from tests.kernels.cuda.matrix_cases import TF32, MatrixCase

Array = np.ndarray[Any, Any]
HALF, BRAIN = np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)


def packed(
    rng: np.random.Generator, batch: int, length: int, heads: Sequence[int], size: int, dtype: Any
) -> list[Array]:
    """Views [batch, heads, length, size] of one array [batch, length, all heads * size], as one product makes them."""
    whole = rng.standard_normal((batch, length, sum(heads) * size)).astype(dtype)
    out, start = [], 0
    for count in heads:
        part = whole[:, :, start * size : (start + count) * size].reshape(batch, length, count, size)
        out.append(part.transpose(0, 2, 1, 3))
        start += count
    return out


def attention(
    name: str, b: int, h: int, s: int, d: int, *, t: int = 0, g: int = 0, e: int = 0, dtype: Any = HALF,
    mask: Array | None = None, how: str = "heads", large: float = 1.0, **fields: Any,
) -> MatrixCase:  # fmt: skip
    """One case; ``how`` the operands lie: "heads" [b, s, h, d], "plain" [b, h, s, d], "packed" in one array, "flat"."""
    rng = np.random.default_rng([*map(ord, name)])
    t, g, e = t or s, g or h, e or d
    shapes = [(b, s, h, d), (b, t, g, d), (b, t, g, e)]
    if how == "packed":
        arrays = packed(rng, b, s, (h, g, g), d, dtype)
    else:
        arrays = [(rng.standard_normal(shape) * large).astype(dtype).transpose(0, 2, 1, 3) for shape in shapes]
    if how == "plain":
        arrays = [np.ascontiguousarray(a) for a in arrays]
    if how == "flat":
        arrays = [np.ascontiguousarray(a).reshape(-1, *a.shape[2:]) for a in arrays]
    op = Attention(fields.pop("scale", d**-0.5), **fields)
    return MatrixCase(name, op, [*arrays, *([] if mask is None else [mask])])


def padding(b: int, t: int, hide_all: int = -1) -> Array:
    """Boolean [b, 1, 1, t]: the first keys of each batch count; of batch ``hide_all`` none."""
    counts = [(i * 37 + t // 2) % t + 1 for i in range(b)]
    seen = np.arange(t) < np.array(counts)[:, None]
    if hide_all >= 0:
        seen[hide_all] = False
    return seen.reshape(b, 1, 1, t)


def numbers(shape: Sequence[int], dtype: Any, low: float | None = None) -> Array:
    """Numbers to add; where ``low`` is given, a third of them are that."""
    rng = np.random.default_rng(len(shape))
    out = rng.standard_normal(shape)
    return (out if low is None else np.where(rng.random(shape) < 0.3, low, out)).astype(dtype)


def shapes() -> list[MatrixCase]:
    """Sizes and layouts."""
    cases = [
        attention(f"s{s} d64", 2, 3, s, 64, how=how)
        for s, how in ((1, "heads"), (17, "packed"), (64, "plain"), (77, "heads"), (128, "packed"), (197, "packed"),
                       (208, "plain"), (209, "heads"), (513, "heads"), (1025, "flat"))
    ]  # fmt: skip
    cases += [attention(f"d{d}", 2, 3, 150, d) for d in (8, 16, 20, 33, 40, 72, 80, 96, 128, 160, 256)]
    cases += [
        replace(attention("misaligned", 2, 3, 150, 64, how="plain"), shift=3),
        attention("odd d50 e7", 1, 2, 99, 50, e=7),
    ]
    cases += [attention("d64 e128", 1, 2, 200, 64, e=128), attention("d128 e64", 1, 2, 200, 128, e=64)]
    cases += [attention("few queries", 2, 4, 3, 64, t=700), attention("few keys", 2, 4, 300, 64, t=5)]
    cases += [attention("one key", 1, 2, 70, 64, t=1), attention("many tiles", 16, 40, 130, 64, how="packed")]
    cases += [attention("brain", 2, 3, 300, 64, dtype=BRAIN), attention("brain 128", 1, 2, 257, 128, dtype=BRAIN)]
    cases += [attention("large scores", 2, 2, 200, 64, large=6.0), attention("scale 1", 1, 2, 130, 64, scale=1.0)]
    cases += [attention("shared heads", 2, 8, 140, 64, g=2), attention("one kv head", 1, 6, 260, 128, g=1)]
    return cases


def ragged() -> list[MatrixCase]:
    """Lengths about the edges of tiles, with all kinds of masks; heads enough that stages come round."""
    lengths, seen = (1, 63, 64, 65, 197, 200, 208, 257, 577), numbers((65, 65), HALF)
    cases = [attention(f"ragged {t} {d}", 2, 3, max(t, 20), d, t=t, how="plain") for t in lengths for d in (64, 128)]
    cases += [attention(f"ragged causal {s}", 1, 3, s, 64, causal=True, how="packed") for s in (63, 65, 200, 257, 577)]
    cases += [
        attention(f"ragged padding {s} {d}", 3, 2, s, d, mask=padding(3, s, 1), guard=True, how="packed")
        for s, d in ((63, 64), (128, 128), (176, 64), (197, 64), (256, 64))
    ]
    short = attention("ragged dynamic", 2, 3, 99, 64, t=150)
    return [
        *cases,
        attention("ragged rounds", 16, 40, 197, 64, how="packed"),
        attention("ragged long rounds", 9, 40, 70, 64, t=600),
        attention("ragged rounds causal", 8, 40, 197, 64, how="packed", causal=True),
        attention("ragged rounds padding", 16, 40, 120, 64, mask=padding(16, 120, 3), guard=True, how="packed"),
        attention("ragged rounds 128", 16, 24, 100, 128, dtype=BRAIN), attention("ragged one", 170, 2, 17, 64, t=33),
        attention("ragged across", 2, 40, 1300, 64, t=77), attention("ragged shared", 8, 40, 190, 64, g=8),
        attention("ragged rows", 2, 3, 65, 64, mask=seen), attention("ragged row f32", 2, 3, 197, 64, t=208,
                  mask=numbers((2, 1, 1, 208), np.float32, -np.inf)),
        attention("ragged rows bool", 2, 3, 65, 128, mask=seen > -1),
        attention("ragged sizes", 2, 3, 200, 64, t=80, e=128),
        replace(short, names={150: "t"}, limits={"t": (1, 208)}),
        attention("ragged large", 4, 40, 197, 64, large=6.0), attention("ragged flat", 3, 50, 197, 64, how="flat"),
    ]  # fmt: skip


def masked() -> list[MatrixCase]:
    """Causality and masks."""
    cases = [attention(f"causal {s} {d}", 2, 3, s, d, causal=True) for s in (64, 100, 197, 513) for d in (64, 128)]
    cases += [
        attention("causal later", 2, 2, 100, 64, t=300, causal=True, offset=200),
        attention("causal many", 8, 24, 300, 64, causal=True, how="packed"),
        attention("causal before", 2, 2, 200, 64, causal=True, offset=-70, guard=True),
        attention("causal before, empty", 1, 2, 150, 64, causal=True, offset=-9, empty=True),
        attention("causal before, nan", 1, 2, 200, 64, causal=True, offset=-3),
        attention("causal shared", 1, 8, 333, 64, g=2, causal=True, dtype=BRAIN),
        attention("padding", 4, 3, 128, 64, mask=padding(4, 128), how="packed"),
        attention("padding guard", 4, 3, 200, 64, mask=padding(4, 200, 1), guard=True),
        attention("padding nan", 3, 2, 300, 64, mask=padding(3, 300, 2)),
        attention("padding lowest", 3, 2, 150, 64, mask=padding(3, 150, 0), hidden=-3.4e38),
        attention("padding -1e4", 3, 2, 150, 64, mask=padding(3, 150, 0), hidden=-1e4),
        attention("padding 128", 3, 2, 260, 128, mask=padding(3, 260), causal=True),
        attention("bool rows", 2, 3, 130, 64, mask=numbers((130, 130), HALF) > -1),
        attention("bool rows each", 2, 3, 130, 64, t=260, mask=numbers((2, 3, 130, 260), HALF) > -0.5, guard=True),
        attention("bool columns", 2, 3, 130, 64, t=70, mask=np.ascontiguousarray((numbers((130, 70), HALF) > -1).T).T),
        attention("add row f32", 2, 3, 130, 64, t=300, mask=numbers((2, 1, 1, 300), np.float32, -np.inf)),
        attention("add row lowest", 2, 3, 130, 64, mask=numbers((130,), np.float32, -3.4028235e38)),
        attention("add rows f16", 2, 3, 197, 64, mask=numbers((1, 3, 197, 197), HALF)),
        attention("add rows bf16", 1, 2, 140, 128, mask=numbers((140, 140), BRAIN), dtype=BRAIN),
        attention("add rows causal", 1, 2, 300, 64, mask=numbers((2, 300, 300), np.float32), causal=True),
        attention("add all hidden", 2, 2, 140, 64, mask=np.full((140, 140), -np.inf, np.float32), guard=True),
        attention("flat mask", 2, 3, 150, 64, how="flat", mask=numbers((150, 150), HALF) > -1),
    ]  # fmt: skip
    return cases


def rounds() -> list[MatrixCase]:
    """Heads enough for every tactic on many keys, in several rounds of blocks: odd lengths, both corners."""
    return [
        attention("rounds causal 257", 2, 40, 257, 64, causal=True, how="packed"),
        attention("rounds causal 577", 1, 14, 577, 64, causal=True, how="packed"),
        attention("rounds causal shared", 2, 10, 431, 64, g=2, causal=True),
        attention("rounds causal later", 2, 15, 257, 64, t=523, causal=True, offset=266),
        attention("rounds causal cut", 1, 14, 700, 64, t=333, causal=True),
        attention("rounds causal before", 1, 16, 523, 64, t=257, causal=True, offset=-131, guard=True),
        attention("rounds causal 1031", 1, 8, 1031, 64, causal=True),
        attention("rounds shared", 1, 18, 449, 64, t=1031, g=6, how="plain"),
        attention("rounds 193", 4, 40, 193, 64, t=211), attention("rounds causal 128", 1, 14, 577, 128, causal=True),
        attention("rounds 128", 1, 20, 1031, 128, t=1101), attention("rounds 128 brain", 1, 9, 2050, 128, dtype=BRAIN),
        attention("rounds sizes", 2, 11, 1025, 64, t=1500, e=128),
        attention("rounds brain", 1, 30, 300, 64, causal=True, dtype=BRAIN, large=4.0),
    ]  # fmt: skip


def decoding() -> list[MatrixCase]:
    """One query or a few, many keys."""
    return [
        attention("decode", 2, 4, 1, 64, t=1000), attention("decode shared", 2, 8, 1, 128, t=777, g=2),
        attention("decode shared causal", 1, 8, 1, 64, t=900, g=1, causal=True, offset=500),
        attention("decode padding", 2, 8, 1, 64, t=515, g=4, mask=padding(2, 515, 1), guard=True),
        attention("decode padding nan", 2, 2, 1, 64, t=400, mask=padding(2, 400, 0)),
        attention("decode bias", 1, 6, 1, 64, t=300, g=2, mask=numbers((1, 6, 1, 300), np.float32, -np.inf)),
        attention("decode llama", 1, 32, 1, 64, t=1024, g=8), attention("decode long", 1, 8, 1, 64, t=5000, g=2),
        attention("decode padding rows", 1, 4, 2, 64, t=700, mask=padding(1, 700), dtype=BRAIN),
        attention("decode causal few", 1, 2, 7, 80, t=600, causal=True, offset=593),
        attention("decode empty", 1, 2, 3, 64, t=400, causal=True, offset=-1, empty=True),
        attention("decode before", 1, 2, 7, 64, t=600, causal=True, offset=-3, guard=True),
        attention("single heads", 5, 32, 1, 128, t=523),
        attention("single heads 64", 9, 32, 2, 64, t=1100, dtype=BRAIN),
        attention("single heads shared", 45, 8, 1, 64, t=700, g=4, mask=padding(45, 700, 3), guard=True),
        attention("single heads causal", 17, 8, 3, 80, t=600, causal=True, offset=520),
    ]  # fmt: skip


def singles() -> list[MatrixCase]:
    """Floats of 32 bits, as TF32: odd lengths and heads, layouts, masks, causality, one query or a few."""
    f = np.float32
    cases = [
        attention(f"f32 s{s} d64", 2, 3, s, 64, how=how, dtype=f)
        for s, how in ((1, "heads"), (17, "packed"), (64, "plain"), (77, "heads"), (128, "packed"), (197, "packed"),
                       (513, "flat"))
    ]  # fmt: skip
    cases += [attention(f"f32 d{d}", 2, 3, 150, d, dtype=f) for d in (4, 16, 20, 33, 40, 80, 96, 128, 160, 256)]
    cases += [
        replace(attention("f32 misaligned", 2, 3, 150, 64, how="plain", dtype=f), shift=3),
        attention("f32 odd d50 e7", 1, 2, 99, 50, e=7, dtype=f),
        attention("f32 d64 e20", 1, 2, 200, 64, e=20, dtype=f),
        attention("f32 d64 e128", 1, 2, 200, 64, e=128, dtype=f),
        attention("f32 many", 8, 24, 130, 64, how="packed", dtype=f),
        attention("f32 large scores", 2, 2, 200, 64, large=1.5, dtype=f),
        attention("f32 shared heads", 2, 8, 140, 64, g=2, dtype=f),
        attention("f32 causal", 2, 3, 197, 64, causal=True, dtype=f),
        attention("f32 causal 128", 2, 2, 100, 128, t=300, causal=True, offset=200, dtype=f),
        attention("f32 causal many", 8, 24, 300, 64, causal=True, how="packed", dtype=f),
        attention("f32 causal before", 2, 2, 200, 64, causal=True, offset=-70, guard=True, dtype=f),
        attention("f32 padding", 1, 12, 128, 64, mask=padding(1, 128), how="packed", dtype=f),
        attention("f32 padding many", 32, 12, 128, 64, mask=padding(32, 128, 3), guard=True, how="packed", dtype=f),
        attention("f32 padding nan", 3, 2, 300, 64, mask=padding(3, 300, 2), dtype=f),
        attention("f32 bool rows", 2, 3, 130, 64, t=260, mask=numbers((2, 3, 130, 260), HALF) > 0, guard=True, dtype=f),
        attention("f32 add row", 2, 3, 130, 64, t=300, mask=numbers((2, 1, 1, 300), f, -np.inf), dtype=f),
        attention("f32 add rows", 1, 2, 300, 64, mask=numbers((2, 300, 300), f), causal=True, dtype=f),
        attention("f32 decode", 2, 4, 1, 64, t=1000, dtype=f),
        attention("f32 decode shared", 2, 8, 1, 128, t=777, g=2, dtype=f),
        attention("f32 decode padding", 2, 8, 1, 64, t=515, g=4, mask=padding(2, 515, 1), guard=True, dtype=f),
        attention("f32 decode causal few", 1, 2, 7, 80, t=600, causal=True, offset=593, dtype=f),
    ]  # fmt: skip
    return [replace(case, tolerance=TF32) for case in cases]


def halves() -> list[MatrixCase]:
    """Floats of 16 bits."""
    return [*shapes(), *masked(), *rounds(), *decoding()]


def cases() -> list[MatrixCase]:
    """All."""
    return [*halves(), *singles()]
