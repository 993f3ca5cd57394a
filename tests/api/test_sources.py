"""Where an engine's bytes come from: what lasts is not copied, what may change is."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import same
from tests.api.small_engine import RNG, plan, wanted

pytestmark = pytest.mark.usefixtures("cpu")


def runs(engine: Any) -> None:
    """Compare a run of the engine with what it should give."""
    x, y = RNG.normal(size=(3, 4)).astype(np.float32), np.empty((3, 5), np.float32)
    context = engine.create_execution_context()
    context.set_input_shape("x", x.shape)
    assert context.execute_v2([x.ctypes.data, y.ctypes.data])
    same(y, wanted(x))


def test_what_lasts_is_not_copied(logger: Any, tmp_path: Path) -> None:
    memory = plan(logger)
    data = bytes(memory)
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(data)
    assert engine._state.data.obj is data
    assert runtime.deserialize_cuda_engine(memory)._state.data.obj is memory
    path = tmp_path / "engine"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        engine = runtime.deserialize_cuda_engine(mapped)
        assert engine._state.data.obj is mapped
        runs(engine)
        assert bytes(engine.serialize()) == data
        with pytest.raises(BufferError):
            mapped.close()
        del engine


def test_what_may_change_is_copied(logger: Any) -> None:
    data = bytearray(bytes(plan(logger)))
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    data[:] = bytes(len(data))
    assert any(bytes(engine.serialize()))
    runs(engine)
