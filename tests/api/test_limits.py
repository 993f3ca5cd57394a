"""Limits of a build or a load: threads, and whether anything is kept on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import minirt as trt
from minirt import limits, v7
from minirt.api.builder import _tuning
from minirt.api.config import ConfigState
from minirt.kernels.cpu import compile as compiling
from minirt.kernels.cuda import compile as cuda_compiling
from minirt.kernels.store import Store, content_key
from minirt.limits import limited, may_write, workers
from tests.api.nets import Keeper


def test_limits_nest_and_end() -> None:
    most = workers()
    assert most == limits.available_cores()
    with limited(1):
        assert workers() == 1
        with limited():
            assert (workers(), may_write()) == (1, True)
        with limited(writes=False), limited(1 << 20):
            assert (workers(), may_write()) == (most, False)
    assert (workers(), may_write()) == (most, True)


def test_a_store_that_may_not_write(tmp_path: Path) -> None:
    Store(tmp_path, writes=False).put(content_key("a"), b"1")
    assert not list(tmp_path.iterdir())


def engine_bytes() -> bytes:
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    soft = net.add_softmax(net.add_input("x", trt.float32, (3, 5))).get_output(0)
    soft.name = "y"
    net.mark_output(soft)
    return bytes(builder.build_serialized_network(net, builder.create_builder_config()))


@pytest.mark.usefixtures("cpu")
def test_a_runtime_without_temporary_files_writes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = engine_bytes()
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))
    runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
    for flags, written in ((0, False), (1 << int(trt.TempfileControlFlag.ALLOW_IN_MEMORY_FILES), False), (3, True)):
        monkeypatch.setattr(compiling, "_loaded", {})  # as in a process that has compiled nothing yet
        runtime.tempfile_control_flags = flags
        assert runtime.deserialize_cuda_engine(data) is not None
        assert bool(list(tmp_path.rglob("*.bin"))) == written


def test_threads_bound_who_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(limits, "available_cores", lambda: 8)
    monkeypatch.setattr(cuda_compiling._Crew, "run", lambda self, workers, heard: seen.append(workers))
    sources = [cuda_compiling.CudaSource(f"{n}", "k") for n in range(40)]
    for threads in (0, 1, 3):
        with limited(threads):
            cuda_compiling.compile_many(sources, "sm_90a")
    assert seen == [8, 1, 3]


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("kind", ["Builder", "Runtime"])
def test_max_threads(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper()
    owner: Any = getattr(trt, kind)(keeper)
    assert owner.max_threads == 1
    seen: list[int] = []
    monkeypatch.setattr("minirt.build.load.compile_units" if kind == "Runtime" else "minirt.build.build.compile_units",
                        lambda *given: seen.append(workers()) or {})  # type: ignore[func-returns-value]  # fmt: skip
    monkeypatch.setattr(limits, "available_cores", lambda: 8)

    def work() -> None:
        if kind == "Runtime":
            owner.deserialize_cuda_engine(engine)
            return
        net = owner.create_network()
        soft = net.add_softmax(net.add_input("x", trt.float32, (3, 5))).get_output(0)
        net.mark_output(soft)
        owner.build_serialized_network(net, owner.create_builder_config())

    engine = engine_bytes()
    seen.clear()
    work()
    owner.max_threads = 3
    work()
    assert seen == [8, 3]
    owner.max_threads = 0
    assert any("use 1 or more" in text for text in keeper.errors)
    assert owner.max_threads == 3


def test_what_a_config_asks_of_timing() -> None:
    config: Any = trt.Builder(Keeper()).create_builder_config()
    assert (_tuning(config._state).least, _tuning(config._state).stream) == (1, 0)
    config.profile_stream = 4096
    config.avg_timing_iterations = 3
    asked = _tuning(config._state)
    assert (asked.stream, asked.rounds) == (4096, 3)


def test_what_a_builder_of_seven_asks_of_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    builder: Any = v7.Builder(v7.Logger())
    builder.min_find_iterations, builder.average_find_iterations = 5, 4
    seen: list[ConfigState] = []
    monkeypatch.setattr("minirt.api.builder.Builder._engine", lambda self, network, config: seen.append(config))
    builder.build_cuda_engine(builder.create_network())
    assert (_tuning(seen[0]).least, _tuning(seen[0]).rounds) == (5, 4)


@pytest.mark.usefixtures("cpu")
def test_memory_is_monitored_where_asked() -> None:
    for on in (False, True):
        keeper = Keeper()
        builder: Any = trt.Builder(keeper)
        net, config = builder.create_network(), builder.create_builder_config()
        net.mark_output(net.add_softmax(net.add_input("x", trt.float32, (3, 5))).get_output(0))
        if on:
            config.set_flag(trt.BuilderFlag.MONITOR_MEMORY)
        assert builder.build_serialized_network(net, config) is not None
        told = [text for severity, text in keeper.messages if severity == trt.Logger.INFO and "[MemUsage" in text]
        assert len(told) == 2 * on
        if on:
            assert re.fullmatch(r".*Building engine: CPU [+-]\d+.*, now: CPU [1-9]\d+.* \(MiB\)", told[0])
