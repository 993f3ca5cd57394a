"""What scripts get wrong ends in CUDA's and TensorRT's own errors: nothing is written where no memory is."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.standins import cuda_runtime, libnvinfer, pycuda_driver, pycuda_gpuarray
from minirt.standins.cuda_runtime import cudaError_t, cudaMemcpyKind

COPY = cudaMemcpyKind.cudaMemcpyDefault


@pytest.mark.parametrize("address", [0, 16, 1234, -1])
def test_a_number_is_no_memory(address: int) -> None:
    host = np.arange(4, dtype=np.float32)
    assert cuda_runtime.cudaMemcpy(address, host, host.nbytes, COPY) == (cudaError_t.cudaErrorInvalidValue,)
    assert cuda_runtime.cudaMemcpy(host, address, host.nbytes, COPY) == (cudaError_t.cudaErrorInvalidValue,)
    assert cuda_runtime.cudaMemset(address, 0, 4) == (cudaError_t.cudaErrorInvalidValue,)
    with pytest.raises(pycuda_driver.LogicError, match="cuMemcpyHtoD failed"):
        pycuda_driver.memcpy_htod(address, host)


def test_a_context_does_not_run_on_a_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    logger: Any = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    relu = network.add_activation(network.add_input("x", trt.float32, (4,)), trt.ActivationType.RELU)
    relu.get_output(0).name = "y"
    network.mark_output(relu.get_output(0))
    plan = builder.build_serialized_network(network, builder.create_builder_config())
    context = trt.Runtime(logger).deserialize_cuda_engine(plan).create_execution_context()
    y = np.full(4, 7, np.float32)
    assert context.set_tensor_address("y", y) and context.set_tensor_address("x", 1234)
    assert not context.execute_async_v3(0)
    assert not context.execute_v2([y.ctypes.data, 16])
    assert context.execute_v2([np.full(4, 3, np.float32).ctypes.data, y.ctypes.data])
    said = "".join(capsys.readouterr())
    assert "tensor 'x': its address is 1234" in said and "tensor 'y': its address is 16" in said


def test_pycuda_tells_its_own_errors() -> None:
    held = pycuda_driver.mem_alloc(16)
    with pytest.raises(pycuda_driver.LogicError, match="more than the 16 allocated"):
        pycuda_driver.memcpy_dtoh(np.empty(5, np.float32), held)
    with pytest.raises(pycuda_driver.MemoryError, match="cuMemAlloc failed: out of memory"):
        pycuda_driver.mem_alloc(1 << 60)
    held.free()
    with pytest.raises(pycuda_driver.Error):
        pycuda_driver.memset_d32(held, 0, 4)


def test_facts_that_scripts_print() -> None:
    code, facts = cuda_runtime.cudaGetDeviceProperties(0)
    assert facts is not None
    assert (code, facts.warpSize, facts.sharedMemPerBlock, len(facts.uuid.bytes)) == (0, 32, 49152, 16)
    assert b"minirt" in facts.name and "warpSize : 32" in str(facts)
    attribute = cuda_runtime.cudaDeviceAttr.cudaDevAttrWarpSize
    assert cuda_runtime.cudaDeviceGetAttribute(attribute, 0) == (0, 32)
    assert cuda_runtime.cudaDeviceGetAttribute(9999, 0)[0] == cudaError_t.cudaErrorInvalidValue
    assert pycuda_driver.Device(0).max_threads_per_block == 1024
    with pytest.raises(AttributeError, match="no attribute 'speed'"):
        _ = pycuda_driver.Device(0).speed


def test_rows_are_copied_between_pitches() -> None:
    source, target = np.arange(12, dtype=np.uint8).reshape(3, 4), np.zeros((3, 8), np.uint8)
    assert cuda_runtime.cudaMemcpy2D(target, 8, source, 4, 3, 3, COPY) == (cudaError_t.cudaSuccess,)
    assert np.array_equal(target[:, :3], source[:, :3]) and not target[:, 3:].any()
    assert cuda_runtime.cudaMemcpy2D(target, 8, source, 4, 5, 3, COPY) == (cudaError_t.cudaErrorInvalidValue,)
    assert cuda_runtime.cudaMemcpy2D(64, 8, source, 4, 3, 3, COPY) == (cudaError_t.cudaErrorInvalidValue,)


def test_arrays_of_pycuda_are_sliced_and_scaled() -> None:
    host = np.arange(12, dtype=np.float32).reshape(3, 4)
    there = pycuda_gpuarray.to_gpu(host)
    there[1:].set(np.zeros((2, 4), np.float32))
    host[1:] = 0
    scaled = (there - 1) / 2.0 + there * there
    assert np.array_equal(scaled.get(), (host - 1) / 2 + host * host)
    assert (1 - there).reshape(4, 3).astype(np.float16).ravel().get().tolist() == (1 - host).ravel().tolist()
    assert there[1].ptr == there.ptr + 16


@pytest.mark.parametrize(
    "name", ["libnvinfer_plugin.so", "libnvinfer_plugin.so.8", "libnvinfer.so.10", "nvinfer_10.dll"]
)
def test_the_plugins_of_tensorrt_are_loaded_by_name(name: str) -> None:
    assert libnvinfer.is_nvinfer(name)
    assert libnvinfer.LibNvinfer(name).initLibNvInferPlugins(None, b"") is True


@pytest.mark.parametrize("target", ["cpu", "cuda:sm_90"])
def test_a_script_loads_the_plugins_of_tensorrt_on_any_target(target: str, tmp_path: Path) -> None:
    script = tmp_path / "plugins.py"
    script.write_text(
        "import ctypes\n"
        "for load in (ctypes.CDLL, ctypes.cdll.LoadLibrary):\n"
        "    assert load('libnvinfer_plugin.so').initLibNvInferPlugins(None, b'')\n"
        "ctypes.CDLL(None)\n"
        "try:\n    ctypes.CDLL('libmine.so')\nexcept OSError:\n    print('as ever')\n"
    )
    env = {**os.environ, "MINIRT_TARGET": target}
    ran = subprocess.run([sys.executable, "-m", "minirt", str(script)], env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "as ever\n"), ran.stderr


def test_libraries_in_folders_and_of_others_are_loaded_as_ever() -> None:
    assert not any(
        libnvinfer.is_nvinfer(name) for name in (None, "", "./libnvinfer_plugin.so", "libmyplugin.so", "nvinfer")
    )
    with pytest.raises(OSError, match="nowhere"):
        ctypes.CDLL("./libnvinfer_nowhere.so")
