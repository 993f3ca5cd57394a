"""ITimingCache and what a config does with it; the times are a fake timer's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build import tune
from tests.api.nets import Keeper
from tests.build.fake_timer import DEVICE, FakeTimer


@pytest.fixture(name="timer")
def _timer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTimer:
    """Pretend that this machine has a Hopper GPU that times."""
    timer = FakeTimer()
    monkeypatch.setenv("MINIRT_TUNE", "1")
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90a")
    monkeypatch.setattr("minirt.build.timing_store.folder", lambda arch: tmp_path / arch)
    monkeypatch.setattr(tune, "timer_for", lambda target, *how: timer)
    monkeypatch.setattr("minirt.api.config.device_here", lambda: DEVICE)
    return timer


def network(builder: Any) -> Any:
    net = builder.create_network()
    x = net.add_input("x", trt.float16, (128, 256))
    w = net.add_constant((256, 256), np.eye(256, dtype=np.float16)).get_output(0)
    layer = net.add_matrix_multiply(x, trt.MatrixOperation.NONE, w, trt.MatrixOperation.NONE)
    layer.name = "product"
    net.mark_output(layer.get_output(0))
    return net


def build(logger: Keeper, data: bytes = b"", *flags: Any, **fields: Any) -> tuple[bytes, Any]:
    builder = trt.Builder(logger)
    config = builder.create_builder_config()
    cache = config.create_timing_cache(data)
    assert config.set_timing_cache(cache, False)
    for flag in flags:
        config.set_flag(flag)
    for name, value in fields.items():
        setattr(config, name, value)
    return bytes(builder.build_serialized_network(network(builder), config)), cache


def test_a_miss_is_an_error_where_it_is_asked_for(timer: FakeTimer, logger: Keeper) -> None:
    builder = trt.Builder(logger)
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.ERROR_ON_TIMING_CACHE_MISS)
    assert builder.build_serialized_network(network(builder), config) is not None, "there is no cache to miss in"
    timed = len(timer.benches)
    cache = config.create_timing_cache(b"")
    assert cache is not None and config.set_timing_cache(cache, False)
    assert builder.build_serialized_network(network(builder), config) is None
    assert "lacks the times of 'product'" in logger.errors[-1] and len(timer.benches) == timed
    config.clear_flag(trt.BuilderFlag.ERROR_ON_TIMING_CACHE_MISS)
    assert builder.build_serialized_network(network(builder), config) is not None
    config.set_flag(trt.BuilderFlag.ERROR_ON_TIMING_CACHE_MISS)
    assert builder.build_serialized_network(network(builder), config) is not None


def test_a_build_fills_its_cache_and_a_filled_one_times_nothing(timer: FakeTimer, logger: Keeper) -> None:
    engine, cache = build(logger)
    assert len(timer.benches) == 1
    (key,) = cache.queryKeys()
    value = cache.query(key)
    assert 0.001 <= value.timingMSec <= 0.1 and 0 < value.tacticHash < 2**64
    assert str(key).startswith("0x") and len(str(key)) == 34
    same = trt.TimingCacheKey.parse(str(key))
    assert cache.query(same).tacticHash == value.tacticHash
    again, _ = build(logger, bytes(cache.serialize()))
    assert again == engine and len(timer.benches) == 1


def test_levels_say_how_much_is_timed(timer: FakeTimer, logger: Keeper) -> None:
    counts = []
    for level in range(6):
        timer.benches.clear()
        build(logger, b"", trt.BuilderFlag.DISABLE_TIMING_CACHE, builder_optimization_level=level)
        counts.append(sum(len(b.trials) for b in timer.benches))
    assert counts[:4] == [0, 0, 0, 14] and 14 < counts[4] <= 28 < counts[5]


def test_the_number_of_tactics_can_be_bounded(timer: FakeTimer, logger: Keeper) -> None:
    build(logger, max_num_tactics=3)
    assert [len(b.trials) for b in timer.benches] == [3]


def test_a_disabled_cache_is_neither_read_nor_filled(timer: FakeTimer, logger: Keeper) -> None:
    build(logger)
    _, cache = build(logger, b"", trt.BuilderFlag.DISABLE_TIMING_CACHE)
    assert cache.queryKeys() == []
    assert len(timer.benches) == 2


def test_an_edited_entry_decides_and_the_log_lists_tactics(timer: FakeTimer, logger: Keeper) -> None:
    editable = trt.BuilderFlag.EDITABLE_TIMING_CACHE
    engine, cache = build(logger, b"", editable)
    lines = [text for _, text in logger.messages]
    start = next(i for i, line in enumerate(lines) if line.startswith("Autotuning op product"))
    key = lines[start].partition("key: ")[2].partition(")")[0]
    rows = []
    for line in lines[start + 2 :]:
        if "selected tactic" in line:
            break
        rows.append(line.split(", ")[5].rstrip(","))
    taken = line.partition("cost(in ms)):")[2].partition(",")[0]
    other = next(row for row in rows if row != taken)
    parsed = trt.TimingCacheKey.parse(key)
    assert cache.query(parsed).tacticHash == int(taken, 16)
    assert cache.update(parsed, trt.TimingCacheValue(int(other, 16), 1.0))
    edited, _ = build(logger, bytes(cache.serialize()), editable)
    assert edited != engine
    once_more, _ = build(logger, bytes(cache.serialize()), editable)
    assert once_more == edited and len(timer.benches) == 1


def test_a_cache_of_another_device_is_refused_unless_that_is_ignored(timer: FakeTimer, logger: Keeper) -> None:
    _, cache = build(logger)
    config = trt.Builder(logger).create_builder_config()
    cache._state.timings.device = "sm_90a Another GPU"
    foreign = config.create_timing_cache(cache.serialize())
    assert not config.set_timing_cache(foreign, False)
    assert "was measured on sm_90a Another GPU" in logger.messages[-1][1]
    assert config.get_timing_cache() is None
    assert config.set_timing_cache(foreign, True) and config.get_timing_cache() is foreign
    own = config.create_timing_cache(b"")
    own._state.timings.device = DEVICE  # type: ignore[union-attr]
    assert not own.combine(foreign, False) and own.queryKeys() == []
    assert own.combine(foreign, True) and len(own.queryKeys()) == 1


def test_damaged_caches_and_keys_that_are_none_are_refused(logger: Keeper) -> None:
    config = trt.Builder(logger).create_builder_config()
    cache = config.create_timing_cache(b"")
    key = trt.TimingCacheKey.parse("0xAB")
    assert str(key) == "0x" + "ab".zfill(32)
    assert cache.update(key, trt.TimingCacheValue(3, 0.5))
    data = bytes(cache.serialize())
    assert config.create_timing_cache(data[:-2]) is None and config.create_timing_cache(data + b" ") is None
    assert not cache.update(key, trt.TimingCacheValue(0, 0.5)) and not cache.update(key, trt.TimingCacheValue(3, -1.0))
    unknown = cache.query(trt.TimingCacheKey.parse("0x1"))
    assert (unknown.tacticHash, unknown.timingMSec) == (0, float("inf"))
    with pytest.raises(Exception, match="no key of a timing cache"):
        trt.TimingCacheKey.parse("key")
    assert cache.reset() and cache.queryKeys() == []
