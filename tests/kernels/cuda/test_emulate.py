"""Kernels on wgmma run by the host: every thread a fiber, copies and products as late or early as they may be.

A few ways of each kind; ``make emulate`` runs all.  Kernels that are broken on purpose show what the machine finds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from minirt.kernels.kernel import Target
from minirt.plan.launch import Spec
from minirt.types.dtype import bf16, f16, f32
from tests.kernels.cuda.attention_cases import attention, padding
from tests.kernels.cuda.emulate.ptx import statements
from tests.kernels.cuda.emulate.run import Emulated, EmulationError, Way, missing, rules
from tests.kernels.cuda.emulate.sweep import FEW, MANY, ways, wrong
from tests.kernels.cuda.execution import check
from tests.kernels.cuda.matrix_cases import MatrixCase, convolution, product

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
RUNS = (0, 2, 3, 5, 7, 9)
ONE = Target("cuda:sm_90a", 1, 232448)
PLAIN = product("plain", f16, (330, 304), (304, 264), extras=[(1, 264)])
DEEP = product("deep", f16, (70, 1088), (1088, 136), extras=[(136,)])
BY_K = product("by-k", f16, (150, 1088), (200, 1088), trans=(False, True), extras=[(200,)], constants=(1,))
ODD = product("odd", f16, (150, 72), (267, 72), trans=(False, True))
ROUNDS = attention("rounds", 1, 3, 357, 64, causal=True)
KEYS = attention("keys", 1, 2, 289, 64)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what g++ makes."""
    return tmp_path_factory.mktemp("emulated")


def chosen(case: MatrixCase, target: Target, **fields: object) -> Way:
    """The first way whose tactic has these fields."""
    return next(way for way in ways(case, target) if all(way[2].get(k) == v for k, v in fields.items()))


PRODUCTS: list[tuple[MatrixCase, Target, Spec]] = [
    (PLAIN, FEW, {"tile": [128, 128], "share": [2, 1], "turns": False}),
    (PLAIN, FEW, {"tile": [64, 64], "share": [1, 2]}),
    (PLAIN, FEW, {"tile": [128, 128], "share": [1, 2], "turns": True}),
    (PLAIN, FEW, {"tile": [192, 128], "share": [2, 1]}),
    (DEEP, MANY, {"tile": [64, 64], "share": [1, 1], "parts": 3}),
    (BY_K, MANY, {"tile": [128, 96], "parts": 2}),
    (BY_K, MANY, {"tile": [64, 160], "parts": 4}),
    (BY_K, FEW, {"tile": [64, 96], "parts": 1}),
    (ODD, FEW, {"tile": [128, 128], "share": [1, 1], "turns": False}),
    (product("tf32", f32, (150, 164), (200, 164), trans=(False, True)), FEW, {"tile": [64, 128], "share": [1, 2]}),
    (convolution("3x3", bf16, (2, 64, 15, 17), (72, 64, 3, 3), pad=1, stride=2), FEW, {"share": [2, 1]}),
]
HEADS: list[tuple[MatrixCase, Target, Spec]] = [
    (KEYS, FEW, {"tile": [128, 128], "turns": True, "hold": True}),
    (KEYS, FEW, {"tile": [64, 64]}),
    (KEYS, FEW, {"tile": [192, 128], "turns": True}),
    (ROUNDS, ONE, {"tile": [192, 128], "turns": True}),
    (ROUNDS, ONE, {"tile": [192, 128], "turns": False}),
    (ROUNDS, ONE, {"tile": [256, 64]}),
    (ROUNDS, ONE, {"tile": [128, 128], "stages": 4}),
    (attention("unread", 1, 3, 523, 64, t=257, causal=True, offset=-331, guard=True), ONE, {"tile": [256, 64]}),
    (attention("one query", 1, 1, 1, 64, t=9000), MANY, {"parts": 64}),
    (attention("kept", 1, 3, 197, 64, how="packed"), FEW, {"method": "resident"}),
    (attention("causal", 1, 3, 257, 64, causal=True), FEW, {"tile": [64, 64]}),
    (attention("padding", 2, 2, 200, 64, mask=padding(2, 200, 1), guard=True), FEW, {"tile": [64, 128]}),
    (attention("few", 1, 2, 70, 64, t=400), MANY, {"across": 4}),
]


@pytest.mark.parametrize(("case", "target", "fields"), [*PRODUCTS, *HEADS], ids=lambda x: getattr(x, "name", None))
def test_results_are_right_in_any_order(case: MatrixCase, target: Target, fields: Spec, store: Path) -> None:
    assert not wrong(case, chosen(case, target, **fields), target, store, RUNS)


LATE: list[tuple[MatrixCase, Target, Spec]] = [
    (product("one-step", f16, (2, 3, 150, 64), (2, 3, 64, 200)), FEW, {"tile": [64, 128], "turns": True}),
    (attention("unseen", 1, 2, 450, 128, t=64, causal=True, offset=-390, guard=True), ONE, {"hold": False}),
]


@pytest.mark.parametrize(("case", "target", "fields"), LATE, ids=lambda x: getattr(x, "name", None))
def test_warps_may_be_late(case: MatrixCase, target: Target, fields: Spec, store: Path) -> None:
    assert not wrong(case, chosen(case, target, **fields), target, store, range(12))


def broken(old: str, new: str) -> Callable[[str], str]:
    """What replaces a part of a kernel, once."""

    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


WHOLE = {"tile": [128, 128], "share": [1, 1]}
PAIR, CLUSTER = {"tile": [64, 64], "share": [1, 2]}, {"tile": [128, 128], "share": [2, 1], "turns": False}
SPLIT, KEPT = {"tile": [64, 64], "share": [1, 1], "parts": 3}, {"tile": [64, 128], "hold": True}
RELEASE = "if (before >= 0 && l < TARGETS) release(signal + 8 * before);\n      before"
BROKEN: dict[str, tuple[MatrixCase, Target, Spec, str, str, str]] = {
    "a phase": (PLAIN, FEW, PAIR, "u32 phase = 0, turn", "u32 phase = 1, turn", ""),
    "no release": (PLAIN, FEW, PAIR, RELEASE, "before", "no thread can go on"),
    "released in use": (PLAIN, FEW, PAIR, "warpgroup_wait<1>();", "warpgroup_wait<2>();", "error"),
    "a swizzle": (PLAIN, FEW, PAIR, "(WIDTH == 128 ? 1ull : 2ull) << 62", "2ull << 62", "error"),
    "a row too many": (PLAIN, FEW, PAIR, "if (m < p.m && n < p.n) keep(", "if (m <= p.m && n < p.n) keep(", "outside"),
    "no beginning": (PLAIN, FEW, CLUSTER, "cluster_begin(); else", "; else", "no barrier was begun"),
    "an end too early": (PLAIN, FEW, CLUSTER, "(OF_A && CM * CN > 1) {", "(false) {", "has ended"),
    "bytes": (DEEP, MANY, SPLIT, "* 2 * UNIT_BYTES : 0", "* UNIT_BYTES : 0", ""),
    "no warp barrier": (ODD, FEW, WHOLE, "  __syncwarp();\n#pragma unroll 1", "#pragma unroll 1", ""),
    "sums in flight": (KEYS, FEW, KEPT, "warpgroup_wait<1>();", "warpgroup_wait<2>();", "in flight"),
    "a turn": (KEYS, FEW, {"tile": [128, 128], "turns": True}, "if (TURNS) turn_pass(me ^ 1);", "", "no thread can"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(name: str, store: Path) -> None:
    case, target, fields, old, new, says = BROKEN[name]
    way, found = chosen(case, target, **fields), ""
    case.tolerance = case.allows(way[0].name)
    for number in range(12):
        try:
            check(case, Emulated(case, way, target, store, broken(old, new)).run(rules(number)), "error of")
        except (EmulationError, AssertionError) as error:
            found = str(error)
            if says in found:
                return
    assert not says and found, found or "nothing was found"


def test_an_unknown_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="no emulation of the instruction 'tanh.approx.f32"):
        statements("tanh.approx.f32 %0, %1;", ["y", "x"])
    assert statements("{\n.reg .pred p;\nsetp.ne.b32 p, %0, 0;\n}", ["p"]) == "bool emu_p; emu_p = (p) != 0;"
