"""minirt as a contender: built cold and warm from an ONNX file, run through the API."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minirt as trt
from benchmarks.contender import Contender
from minirt.runtime import device as dev
from minirt.runtime.measure import StepTime, step_times

Array = NDArray[Any]
HALF = ("fp16", "bf16")


@contextmanager
def empty_cache() -> Iterator[None]:
    """A cache of compiled kernels and timings with nothing in it."""
    had = os.environ.get("MINIRT_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MINIRT_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("MINIRT_CACHE")
            if had is not None:
                os.environ["MINIRT_CACHE"] = had


def build(path: Path, precision: str, level: int) -> bytes:
    """The engine's bytes; floats of inputs and outputs have the precision. Raises RuntimeError with the log's end."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(path)):
        raise RuntimeError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)))
    config = builder.create_builder_config()
    config.builder_optimization_level = level
    if precision in HALF:
        half = getattr(trt, "float16" if precision == "fp16" else "bfloat16")
        config.set_flag(getattr(trt.BuilderFlag, precision.upper()))
        tensors = [network.get_input(i) for i in range(network.num_inputs)]
        for tensor in tensors + [network.get_output(i) for i in range(network.num_outputs)]:
            if tensor.dtype == trt.float32:
                tensor.dtype = half
    if precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise RuntimeError("minirt does not build it")
    return bytes(data)


class Ours:
    """An engine and a context of it, with memory for its inputs and outputs."""

    def __init__(self, path: Path, feeds: Mapping[str, Array], precision: str, warm: bool, level: int) -> None:
        self.on_device = dev.available() and os.environ.get("MINIRT_TARGET", "") != "cpu"
        free = dev.Device(0).free_memory() if self.on_device else 0
        with empty_cache():
            start = time.perf_counter()
            data = build(path, precision, level)
            self.facts = {"cold build s": time.perf_counter() - start}
            if warm:
                start = time.perf_counter()
                data = build(path, precision, level)
                self.facts["warm build s"] = time.perf_counter() - start
            start = time.perf_counter()
            self.engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(data)
            if self.engine is None:
                raise RuntimeError("minirt does not load its engine")
            self.context = self.engine.create_execution_context()
            self.facts["load s"] = time.perf_counter() - start
        self.held: dict[str, Any] = {}
        for i in range(self.engine.num_io_tensors):
            self._place(self.engine.get_tensor_name(i), feeds)
        self.stream = dev.Stream(dev.Device(0)) if self.on_device else None
        self.call()
        self.call()
        if self.stream is not None:
            self.stream.synchronize()
            self.facts["memory MB"] = (free - dev.Device(0).free_memory()) / 1e6
        else:
            plan = self.context._state.executor.plan
            self.facts["memory MB"] = (plan.arena + len(data)) / 1e6

    def _place(self, name: str, feeds: Mapping[str, Array]) -> None:
        dtype = self.engine._state.dtype(name).numpy  # nptype knows no bfloat16
        if name in feeds:
            self.context.set_input_shape(name, feeds[name].shape)
            array = np.ascontiguousarray(feeds[name].astype(dtype))
        else:
            array = np.zeros(tuple(self.context.get_tensor_shape(name)), dtype)
        if self.on_device:
            memory = dev.DeviceMemory(dev.Device(0), max(1, array.nbytes))
            memory.upload(array.reshape(-1).view(np.uint8))
            self.held[name], address = (memory, array), memory.address
        else:
            self.held[name], address = (None, array), array.ctypes.data
        self.context.set_tensor_address(name, address)

    def call(self) -> None:
        """Put an inference on the stream."""
        if not self.context.execute_async_v3(self.stream.handle if self.stream is not None else 0):
            raise RuntimeError("minirt does not run it")

    def first(self) -> NDArray[np.float32]:
        """The first output."""
        names = [self.engine.get_tensor_name(i) for i in range(self.engine.num_io_tensors)]
        name = next(n for n in names if self.engine.get_tensor_mode(n) == trt.TensorIOMode.OUTPUT)
        memory, array = self.held[name]
        if memory is not None:
            array = memory.download(array.shape, array.dtype)
        return np.asarray(array, np.float32)

    def contender(self) -> Contender:
        """Itself."""
        stream = None if self.stream is None else self.stream.handle
        return Contender("minirt", self.call, self.first, stream, self.facts, self)

    def steps(self) -> list[StepTime]:
        """Where its time goes; its results are lost."""
        return step_times(self.context._state.executor, self.stream.handle if self.stream is not None else 0)
