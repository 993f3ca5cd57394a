"""Tuning on a device: times that make sense, tactics that agree, builds that repeat, caches that know their device."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.bench import DeviceTimer, bench_of, launches_of, timer_for, units_of
from minirt.build.build import build, lower, optimize
from minirt.build.load import Loaded, Package
from minirt.build.options import Options, Profile
from minirt.build.select import Way
from minirt.build.targets import cuda_target
from minirt.build.timings import Timings
from minirt.build.tune import Job, Tuner, tuner_for
from minirt.build.tuning import Tuning
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply, origin
from minirt.ops.activation import Relu
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.reduce import Reduce
from minirt.plan.plan import KernelStep
from minirt.runtime.device import Device
from minirt.runtime.device.stopwatch import Bench, Stopwatch
from minirt.types.dim import symbol
from minirt.types.dtype import f16
from minirt.types.tensor import Tensor
from tests.gpu.session import Session
from tests.kernels.cuda import matrix_cases as made
from tests.kernels.cuda.execution import check, choices
from tests.kernels.cuda.matrix_cases import MatrixRunner

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Timings of this test alone; the cubins stay where they are."""
    monkeypatch.setenv("MINIRT_TUNE", "1")
    monkeypatch.setattr("minirt.build.timing_store.folder", lambda arch: tmp_path / arch)


def network(images: Any = 4) -> Graph:
    """Two convolutions and two products, with relus."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return constant(rng.normal(size=shape) / np.prod(shape[1:]) ** 0.5, f16)

    x = value = apply(Input("x", Tensor(f16, (images, 64, 28, 28))))
    with origin(("first",)):
        value = apply(Relu(), apply(Conv((1, 1), (1, 1, 1, 1), (1, 1), 1), value, weights(128, 64, 3, 3)))
    with origin(("second",)):
        value = apply(Relu(), apply(Conv((2, 2), (0, 0, 0, 0), (1, 1), 1), value, weights(256, 128, 1, 1)))
    value = apply(Reduce("mean", (2, 3), keepdims=False), value)
    with origin(("third",)):
        value = apply(Relu(), apply(Gemm(), value, weights(256, 512)))
    with origin(("fourth",)):
        value = apply(Gemm(), value, weights(512, 1000))
    return Graph("network", [x], [value], ["y"])


def _job(graph: Graph, kind: type, level: int = 5) -> tuple[Tuner, Job]:
    target = cuda_target()
    tuner = tuner_for(target, level, Tuning(cached=False), time.monotonic())
    assert isinstance(tuner, Tuner)
    lower(optimize(graph), target, Options((target,), level=level), 0, tuner).run()
    return tuner, next(j for j in tuner.wanted.values() if isinstance(j.problem.op, kind))


def test_a_tuned_engine_computes_what_an_untuned_one_does() -> None:
    target = cuda_target()
    profile = Profile({"x": ((1, 64, 28, 28), (4, 64, 28, 28), (8, 64, 28, 28))})
    graph = network(symbol("N"))
    rng = np.random.default_rng(1)
    feeds = [{"x": rng.normal(size=(n, 64, 28, 28)).astype(np.float16)} for n in (1, 4, 8)]
    held = Timings()
    options = Options((target,), (profile,), tuning=Tuning(timings=held))
    data = build(graph, options)
    assert len(held.entries) >= 4 and held.device == f"{target.arch} {Device(0).name}"
    tuned = Session.__new__(Session)
    tuned._take(Loaded(Package(data), target))
    untuned = Session.__new__(Session)
    untuned._take(Loaded(Package(build(graph, Options((target,), (profile,), level=0))), target))
    for feed in feeds:
        (want,), (got,) = ([a.astype(np.float32) for a in session.run(feed)] for session in (untuned, tuned))
        assert np.abs(want).max() > 0.1
        assert np.abs(got - want).max() <= 4e-3 * np.abs(want).max()


def test_a_second_build_times_nothing_and_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    target = cuda_target()
    first = build(network(), Options((target,)))

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something is timed again")

    monkeypatch.setattr(Stopwatch, "times", refuse)
    assert build(network(), Options((target,))) == first


def test_times_are_plausible_and_more_work_takes_longer() -> None:
    tuner, job = _job(network(), Conv)
    timer = tuner.timer
    assert isinstance(timer, DeviceTimer)
    launches = launches_of(job.problem, job.ways[0])
    bench = bench_of(job.problem, [launches])
    (trial,) = bench.trials
    twice = Bench(bench.rooms, bench.sizes, (trial, trial * 3, trial))
    compiled = timer.compile(units_of([launches]), float("inf"), lambda done, total: None)
    one, three, again = timer.times(twice, compiled, 1)
    assert one is not None and three is not None and again is not None
    assert 0.5 < one < 200 and 1.7 < three / one < 4, (one, three)
    assert 0.8 < again / one < 1.25, (one, again)


def test_what_the_driver_refuses_has_no_time() -> None:
    _, job = _job(network(), Gemm)
    timer = timer_for(cuda_target())
    assert timer is not None
    launches = launches_of(job.problem, job.ways[0])
    bench = bench_of(job.problem, [launches])
    (trial,) = bench.trials
    huge = tuple(type(s)(s.unit, s.args, (1, 1 << 20, 1), s.block, s.shared) for s in trial)
    compiled = timer.compile(units_of([launches]), float("inf"), lambda done, total: None)
    got = timer.times(Bench(bench.rooms, bench.sizes, (huge, trial)), compiled, 1)
    assert got[0] is None and got[1] is not None


@pytest.mark.parametrize("what", ["product", "odd product", "few rows", "more rows", "convolution"])
def test_every_tactic_agrees_with_the_reference(what: str) -> None:
    """Also those that only level 5 asks for."""
    if what == "product":
        case = made.product(what, f16, (200, 512), (512, 264), extras=[(264,)], constants=(1,))
    elif what == "odd product":
        case = made.product(what, f16, (77, 1032), (1032, 136), extras=[(136,)], constants=(1,))
    elif what == "more rows":
        case = made.product(what, f16, (14, 2048), (2048, 203), extras=[(203,)], constants=(1,))
    elif what == "few rows":
        case = made.product(what, f16, (3, 4096), (4096, 203), extras=[(203,)], constants=(1,))
    else:
        case = made.convolution(what, f16, (2, 64, 15, 13), (136, 64, 3, 3), pad=1, extras=[(136, 1, 1)],
                                layout=(0, 2, 3, 1))  # fmt: skip
    target, done = cuda_target(), 0
    kernels = {kernel.name: (kernel, problem) for kernel, problem, _ in choices(case, target)}
    for kernel, problem in kernels.values():
        for tactic in kernel.tactics(problem) + kernel.further(problem):
            case.tolerance = case.allows(kernel.name)
            check(case, MatrixRunner(case, kernel, problem, tactic, target).run(), f"{kernel.name} {tactic}")
            done += 1
    assert done > 10


def test_the_best_way_is_not_slower_than_the_first() -> None:
    tuner, job = _job(network(), Conv, 3)
    tuner.wanted = {job.key: job}
    assert tuner.measure(lambda phase, done, total: True)
    times = tuner.learnt.entries[job.key]
    assert len(times) == len(job.ways) and all(0 < us < 1000 for us in times.values()), times
    way = tuner.pick(job.problem, [list(job.ways)])
    assert isinstance(way, Way)


def test_the_api_keeps_times_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cuda")
    builder = trt.Builder(trt.Logger(trt.Logger.INTERNAL_ERROR))
    net = builder.create_network()
    x = net.add_input("x", trt.float16, (64, 256))
    w = net.add_constant((256, 256), np.eye(256, dtype=np.float16)).get_output(0)
    net.mark_output(net.add_matrix_multiply(x, trt.MatrixOperation.NONE, w, trt.MatrixOperation.NONE).get_output(0))
    engines = []
    saved = b""
    for _ in range(2):
        config = builder.create_builder_config()
        cache = config.create_timing_cache(saved)
        assert config.set_timing_cache(cache, ignore_mismatch=False)
        engines.append(bytes(builder.build_serialized_network(net, config)))
        saved = bytes(cache.serialize())
    assert engines[0] == engines[1]
    (key,) = cache.queryKeys()
    assert 0 < cache.query(key).timingMSec < 1 and cache.query(key).tacticHash > 0
    other = config.create_timing_cache(saved.replace(b"H100", b"H999"))
    assert other is None, "its checksum is wrong"


def test_kernels_of_the_plan_are_those_that_were_fastest() -> None:
    target, held = cuda_target(), Timings()
    plan = Package(build(network(), Options((target,), tuning=Tuning(timings=held)))).stored_plan(f"{target.name}/0")
    chosen = [s.choices[0].kernel for s in plan.steps if isinstance(s, KernelStep)]
    assert sum(name.startswith(("Conv", "Gemm")) for name in chosen) == 4
    assert all(min(times.values()) > 0 for times in held.entries.values())
