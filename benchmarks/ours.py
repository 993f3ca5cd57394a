"""minirt as a contender: built cold and warm from an ONNX file, run through the API."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
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
FREE_DIMS = ((1, 8, 32), (16, 128, 384))
"""Least, likely and greatest size of a free first axis, and of other free axes."""


def sized(shape: Iterable[int], sizes: Sequence[int]) -> tuple[int, ...]:
    """A shape whose free first axis and other free axes have these two sizes."""
    return tuple(size if size >= 0 else sizes[axis > 0] for axis, size in enumerate(shape))


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


def build(path: Path, precision: str, level: int) -> memoryview:
    """The engine's bytes, where the builder put them; floats of inputs and outputs have the precision.

    Free axes have a profile of FREE_DIMS. Raises RuntimeError with the log's end.
    """
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
    inputs = [network.get_input(i) for i in range(network.num_inputs)]
    if any(-1 in tuple(tensor.shape) for tensor in inputs):
        profile = builder.create_optimization_profile()
        for tensor in inputs:
            profile.set_shape(tensor.name, *(sized(tensor.shape, sizes) for sizes in zip(*FREE_DIMS, strict=True)))
        config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise RuntimeError("minirt does not build it")
    return memoryview(data)


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
                del data
                gc.collect()  # networks are in cycles, and memory that was used before is faster
                start = time.perf_counter()
                data = build(path, precision, level)
                self.facts["warm build s"] = time.perf_counter() - start
            start = time.perf_counter()
            self.engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(data)
            if self.engine is None:
                raise RuntimeError("minirt does not load its engine")
            self.facts["load s"] = time.perf_counter() - start
        names = [self.engine.get_tensor_name(i) for i in range(self.engine.num_io_tensors)]
        self.outputs = [n for n in names if self.engine.get_tensor_mode(n) == trt.TensorIOMode.OUTPUT]
        self.shapes = {n: v.shape for n, v in feeds.items()}
        self.held = {n: self._memory(feeds[n].astype(self._dtype(n))) for n in names if n in feeds}
        self.stream = dev.Stream(dev.Device(0)) if self.on_device else None
        self.context = self._context()
        if self.on_device:
            self.facts["memory MB"] = (free - dev.Device(0).free_memory()) / 1e6
        else:
            self.facts["memory MB"] = (self.context._state.executor.plan.arena + data.nbytes) / 1e6

    def _dtype(self, name: str) -> Any:
        return self.engine._state.dtype(name).numpy  # nptype knows no bfloat16

    def _memory(self, array: Array) -> tuple[Any, Array]:
        """An array, and its copy on the device."""
        held = np.ascontiguousarray(array)
        if not self.on_device:
            return None, held
        memory = dev.DeviceMemory(dev.Device(0), max(1, held.nbytes))
        memory.upload(held.reshape(-1).view(np.uint8))
        return memory, held

    def _context(self) -> Any:
        """A context that has run twice: it launches a graph from then on."""
        context = self.engine.create_execution_context()
        for name, shape in self.shapes.items():
            context.set_input_shape(name, shape)
        for name in self.outputs:
            if name not in self.held:
                self.held[name] = self._memory(np.zeros(tuple(context.get_tensor_shape(name)), self._dtype(name)))
        for name, (memory, array) in self.held.items():
            context.set_tensor_address(name, array.ctypes.data if memory is None else memory.address)
        for _ in range(2):
            self._run(context)
        if self.stream is not None:
            self.stream.synchronize()
        return context

    def _run(self, context: Any) -> None:
        """Put an inference on the stream."""
        if not context.execute_async_v3(self.stream.handle if self.stream is not None else 0):
            raise RuntimeError("minirt does not run it")

    def _first(self, context: Any) -> NDArray[np.float32]:
        """The first output of a run of its own, into memory that held no numbers."""
        memory, array = self.held[self.outputs[0]]
        if memory is None:
            array.reshape(-1).view(np.uint8)[:] = 0xFF
            self._run(context)
            return np.asarray(array, np.float32)
        assert self.stream is not None
        dev.fill(dev.Device(0), memory.address, 0xFF, array.nbytes, self.stream.handle)
        self._run(context)
        self.stream.synchronize()
        return np.asarray(memory.download(array.shape, array.dtype), np.float32)

    def contender(self, *variables: str) -> Contender:
        """Itself; with environment variables set to 1, a context made under them."""
        context, stream = self.context, None if self.stream is None else self.stream.handle
        if variables:
            os.environ.update(dict.fromkeys(variables, "1"))
            try:
                context = self._context()
            finally:
                for variable in variables:
                    os.environ.pop(variable)
        name = "+".join(["minirt", *(v.removeprefix("MINIRT_").lower() for v in variables)])
        facts = {} if variables else self.facts
        return Contender(name, partial(self._run, context), partial(self._first, context), stream, facts, self)

    def steps(self) -> list[StepTime]:
        """Where its time goes; its results are lost."""
        return step_times(self.context._state.executor, self.stream.handle if self.stream is not None else 0)
