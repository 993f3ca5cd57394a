"""Choosing by timing, with a timer that is not one: what is timed, what is taken, and that it repeats."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build import timing_store
from minirt.build.build import build, lower, optimize
from minirt.build.load import Package
from minirt.build.options import Options, Profile
from minirt.build.select import Way
from minirt.build.timings import REFUSED, Timings
from minirt.build.tune import allotted, fastest, number_of, tuner_for
from minirt.build.tuning import Tuning
from minirt.errors import BuildCancelled, DeviceError
from minirt.flags import flags
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply, origin
from minirt.kernels.kernel import KERNELS, Target
from minirt.ops.activation import Relu
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Address, TensorMap, Unit
from minirt.plan.plan import KernelStep, Plan
from minirt.types.dim import symbol
from minirt.types.dtype import f16
from minirt.types.tensor import Tensor
from tests.build.fake_timer import DEVICE, FakeTimer

HOPPER = Target("cuda:sm_90a", 132, 232448)


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "1")
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))


def layers(count: int = 3, width: int = 768) -> Graph:
    """Products of one shape, each with a relu, and at last another one; only products and no constants to fold."""
    rng = np.random.default_rng(0)
    x = value = apply(Input("x", Tensor(f16, (symbol("N"), width))))
    for i in range(count):
        with origin((f"layer{i}",)):
            value = apply(Relu(), apply(Gemm(), value, constant(rng.normal(size=(width, width)), f16)))
    with origin(("last",)):
        value = apply(Gemm(), value, constant(rng.normal(size=(width, 2 * width)), f16))
    return Graph("layers", [x], [value], ["y"])


def options(timer: FakeTimer | None, level: int = 3, **more: Any) -> Options:
    profile = Profile({"x": ((1, 768), (128, 768), (512, 768))})
    return Options((HOPPER,), (profile,), level=level, tuning=Tuning(timer=timer, **more))


def lowered(asked: Options, graph: Graph | None = None) -> Plan:
    """The plan, without compiling it."""
    neutral = optimize(graph or layers())
    tuner = tuner_for(HOPPER, asked.level, asked.tuning, time.monotonic())
    first = lower(neutral, HOPPER, asked, 0, tuner).run()
    if tuner is None:
        return first
    return lower(neutral, HOPPER, asked, 0, tuner).run() if tuner.measure(asked.progress) else first


def tactics(plan: Plan) -> list[tuple[str, Any]]:
    return [(s.choices[0].kernel, s.choices[0].tactic) for s in plan.steps if isinstance(s, KernelStep)]


def test_what_is_fastest_is_taken_and_equal_problems_are_timed_once() -> None:
    timer = FakeTimer()
    got = tactics(lowered(options(timer)))
    assert len(got) == 4 and len(timer.benches) == 2, "three layers are alike"
    assert all(len(bench.trials) == 14 for bench in timer.benches)
    known = timing_store.load(timing_store.files_for("sm_90a", _version())[0])
    assert known.device == DEVICE
    assert all(len(times) == 14 for times in known.entries.values())
    for kernel, tactic in got:
        number = number_of(Way(KERNELS[kernel], tactic))
        times = next(t for t in known.entries.values() if number in t and t[number] == min(t.values()))
        assert times[number] == min(times.values())


def _version() -> str:
    (found,) = (flags().cache / "timings" / "sm_90a").glob("*.timings")
    return found.name.split(".")[1]


def test_a_kernel_derived_from_the_first_one_is_timed_where_it_works_in_another_way() -> None:
    rng = np.random.default_rng(0)
    x = apply(Input("x", Tensor(f16, (32, 96, 28, 28))))
    made = apply(Conv((1, 1), (3, 3, 3, 3), (1, 1), 96), x, constant(rng.normal(size=(96, 1, 7, 7)), f16))
    timer = FakeTimer()
    asked = Options((HOPPER,), level=3, tuning=Tuning(timer=timer))
    last = apply(Conv((1, 1), (0, 0, 0, 0), (1, 1)), made, constant(rng.normal(size=(96, 96, 1, 1)), f16))
    lowered(asked, Graph("depthwise", [x], [last], ["y"]))
    kernels = [step.unit.kernel for bench in timer.benches for trial in bench.trials for step in trial]
    assert kernels.count("ConvDepthwiseMany") == 8 and kernels.count("ConvDepthwise") >= 4
    assert "ConvDepthwiseMma" not in kernels, "it does what the first one does"


def test_levels_bound_how_much_is_timed() -> None:
    counts = {}
    for level in (0, 2, 3, 4, 5):
        timer = FakeTimer()
        lowered(options(timer, level, cached=False))
        counts[level] = sum(len(b.trials) for b in timer.benches)
    assert counts[0] == counts[2] == 0 and 0 < counts[3] < counts[4] < counts[5]
    timer = FakeTimer()
    lowered(options(timer, most=2))
    assert [len(b.trials) for b in timer.benches] == [2, 2]


def test_tuning_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "0")
    assert tuner_for(HOPPER, 5, Tuning(timer=FakeTimer()), 0) is None
    monkeypatch.setenv("MINIRT_TUNE", "1")
    assert tuner_for(Target("cpu"), 5, Tuning(timer=FakeTimer()), 0) is None


def test_a_filled_cache_times_nothing_and_bytes_repeat() -> None:
    timer, held = FakeTimer(), Timings()
    data = build(layers(1), options(timer, timings=held, cached=False))
    assert timer.benches and held.device == DEVICE and len(held.entries) == 2
    again = FakeTimer()
    assert build(layers(1), options(again, timings=held, cached=False)) == data
    assert not again.benches
    without = build(layers(1), options(None, timings=held, cached=False))
    assert Package(without).stored_plan("cuda:sm_90a/0") == Package(data).stored_plan("cuda:sm_90a/0")


def test_timings_on_disk_serve_later_builds_and_fill_a_cache_that_is_given() -> None:
    first = tactics(lowered(options(FakeTimer())))
    again, held = FakeTimer(), Timings()
    assert tactics(lowered(options(again, timings=held))) == first
    assert not again.benches and len(held.entries) == 2
    assert tactics(lowered(options(None))) == first, "without a device what is known of its architecture serves"
    alone = FakeTimer()
    lowered(options(alone, cached=False))
    assert len(alone.benches) == 2


def test_times_of_another_device_are_ignored_unless_trusted() -> None:
    held = Timings()
    lowered(options(FakeTimer(), timings=held, cached=False))
    held.device = "sm_90a Another GPU"
    other = FakeTimer()
    lowered(options(other, timings=held, cached=False))
    assert other.benches
    trusting = FakeTimer()
    lowered(options(trusting, timings=held, trusted=True, cached=False))
    assert not trusting.benches


def test_what_does_not_compile_is_never_taken_and_not_tried_again() -> None:
    timer = FakeTimer(broken=lambda unit: unit.kernel == "GemmWgmma")
    got = tactics(lowered(options(timer)))
    assert {kernel for kernel, _ in got} == {"GemmMma"}
    again = FakeTimer()
    assert tactics(lowered(options(again))) == got and not again.benches


def test_a_kernel_that_faults_is_named_and_left_out_of_the_next_build() -> None:
    def faulty(unit: Unit) -> bool:
        return unit.kernel == "GemmMma" and unit.spec.get("tile", [])[:2] == [64, 64] and not unit.spec["split"]

    graph = layers(0)
    with pytest.raises(DeviceError, match=r"GemmMma with \{'tile': \[64, 64\].*faults while it is timed"):
        lowered(options(FakeTimer(faulty=faulty), level=5), graph)
    known = timing_store.load(timing_store.files_for("sm_90a", _version())[0])
    assert [us for times in known.entries.values() for us in times.values()] == [REFUSED]
    again = FakeTimer(faulty=faulty)
    lowered(options(again, level=5), graph)
    assert len(again.benches) == 1


def test_a_budget_ends_the_timing_and_first_guesses_stay() -> None:
    plain = tactics(lowered(options(None, level=0)))
    timer = FakeTimer()
    assert tactics(lowered(options(timer, budget=-1.0))) == plain
    assert not timer.benches
    slow = FakeTimer(seconds=0.4)
    lowered(options(slow, budget=1.0, cached=False), layers(1))
    assert 1 <= len(slow.benches) <= 2


def test_progress_is_told_and_may_cancel() -> None:
    told: list[tuple[str, int, int]] = []

    def hear(phase: str, done: int, total: int) -> bool:
        told.append((phase, done, total))
        return len([t for t in told if t[0] == "time kernels"]) < 2

    with pytest.raises(BuildCancelled):
        lowered(replace(options(FakeTimer()), progress=hear))
    assert ("time kernels", 1, 2) in told and any(t[0] == "compile tactics" for t in told)


def test_an_editable_cache_is_obeyed_for_each_node_and_told() -> None:
    lines: list[str] = []
    held = Timings()
    asked = options(FakeTimer(), timings=held, cached=False, editable=True, say=lines.append)
    build(layers(2), asked)
    assert len(held.entries) == 3, "an entry a node"
    keys = [line.partition("key: 0x")[2].partition(")")[0] for line in lines if line.startswith("Autotuning op ")]
    assert sorted(keys) == sorted(held.entries)
    taken = [line.partition("cost(in ms)):0x")[2].partition(",")[0] for line in lines if "selected tactic" in line]
    others = [n for n in held.entries[keys[0]] if f"{n:x}" != taken[0]]
    held.entries[keys[0]] = {others[0]: 1000.0}
    quiet = FakeTimer()
    lines.clear()
    build(layers(2), replace(asked, tuning=replace(asked.tuning, timer=quiet)))
    assert not quiet.benches
    now = [line.partition("cost(in ms)):0x")[2].partition(",")[0] for line in lines if "selected tactic" in line]
    assert now == [f"{others[0]:x}", *taken[1:]]


def test_benches_hold_what_launches_touch() -> None:
    """Rooms for operands, packed constants and scratch, at the profile's best sizes."""
    timer = FakeTimer()
    rng = np.random.default_rng(0)
    x = apply(Input("x", Tensor(f16, (1, 64, 56, 56))))
    conv = apply(Conv((1, 1), (1, 1, 1, 1), (1, 1), 1), x, constant(rng.normal(size=(64, 64, 3, 3)), f16))
    lowered(Options((HOPPER,), level=5, tuning=Tuning(timer=timer)), Graph("conv", [x], [conv], ["y"]))
    (bench,) = [b for b in timer.benches if any("Conv" in s.unit.kernel for t in b.trials for s in t)]
    sizes = [room.nbytes for room in bench.rooms]
    assert sizes[0] == 64 * 56 * 56 * 2 and sizes[1] == 0, "the weights as they are are not read"
    assert 64 * 64 * 9 * 2 in sizes[3:]
    for trial in bench.trials:
        for step in trial:
            for arg in step.args:
                at = arg.address if isinstance(arg, TensorMap) else arg
                assert not isinstance(at, Address) or (at.of == "buffer" and bench.rooms[at.index].nbytes > 0)


def test_choosing_among_times() -> None:
    kernel = next(iter(KERNELS.values()))
    a, b, c = (Way(kernel, {"n": i}) for i in range(3))
    assert allotted([[a, b], [c]], 5) == (a, b, c)
    assert allotted([[a, b], [c]], 3, 1) == (a,)
    assert fastest([a, b, c], {number_of(b): 2.0, number_of(c): 1.0}) is c
    assert fastest([a, b, c], {number_of(a): 1.001, number_of(c): 1.0}) is a, "as good as the same"
    assert fastest([a, b], {number_of(a): REFUSED}) is b
    assert fastest([a], {number_of(a): REFUSED}) is a
