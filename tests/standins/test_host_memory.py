"""The stand-ins' memory refuses what CUDA refuses, and finds the address of what CUDA's bindings take."""

from __future__ import annotations

import array
import ctypes
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.errors import ApiError
from minirt.standins import cuda_driver, cuda_runtime, host_memory, libcudart, pycuda_driver, pycuda_tools
from minirt.standins.cuda_runtime import cudaError_t
from tests.api.small_engine import plan


def test_memory_is_aligned_and_freed_once() -> None:
    address = host_memory.allocate(1000)
    assert address % host_memory.ALIGNMENT == 0
    host_memory.release(address)
    with pytest.raises(ApiError, match="free already"):
        host_memory.release(address)
    host_memory.release(0)


def test_a_copy_stays_within_its_allocation() -> None:
    address = host_memory.allocate(8)
    source = np.arange(4, dtype=np.int32)
    with pytest.raises(ApiError, match="16 bytes"):
        host_memory.copy(address, source, source.nbytes)
    with pytest.raises(ApiError, match="cannot be reached"):
        host_memory.copy(None, source, 4)
    host_memory.copy(address, source[2:], 8)
    back = np.zeros(2, np.int32)
    host_memory.copy(back, address, 8)
    assert back.tolist() == [2, 3]
    host_memory.release(address)


@pytest.mark.parametrize(
    "memory",
    [b"\x01\x02\x03", bytearray(b"\x01\x02\x03"), np.array([1, 2, 3], np.uint8), (ctypes.c_uint8 * 3)(1, 2, 3),
     memoryview(array.array("B", [1, 2, 3]))],
    ids=lambda memory: type(memory).__name__,
)  # fmt: skip
def test_addresses_of_buffers(memory: object) -> None:
    address = host_memory.address_of(memory)
    assert ctypes.string_at(address, 3) == b"\x01\x02\x03"
    assert host_memory.address_of(ctypes.c_void_p(address)) == host_memory.address_of(address) == address


def test_codes_say_what_failed() -> None:
    assert cuda_runtime.cudaMalloc(-1) == (cudaError_t.cudaErrorInvalidValue, None)
    assert cuda_runtime.cudaMalloc(1 << 60) == (cudaError_t.cudaErrorMemoryAllocation, None)
    assert cuda_runtime.cudaSetDevice(1) == (cudaError_t.cudaErrorInvalidDevice,)
    assert cuda_driver.cuMemAlloc(1 << 60) == (cuda_driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY, None)
    event = cuda_runtime.cudaEventCreate()[1]
    assert cuda_runtime.cudaEventElapsedTime(event, event)[0] == cudaError_t.cudaErrorInvalidValue
    with pytest.raises(AttributeError, match="no 'cudaLaunchKernel'"):
        _ = cuda_runtime.cudaLaunchKernel


def test_pycuda_round_trip() -> None:
    host = np.arange(6, dtype=np.float32).reshape(2, 3)
    there = pycuda_driver.to_device(host)
    assert np.array_equal(pycuda_driver.from_device_like(there, host), host)
    pycuda_driver.memset_d32(there, 7, 6)
    assert (pycuda_driver.from_device(there, (6,), np.int32) == 7).all()
    with pytest.raises(pycuda_driver.LogicError, match="not contiguous"):
        pycuda_driver.memcpy_htod(there, host[:, ::2])
    there.free()


def test_pycuda_copies_of_rows() -> None:
    host = np.arange(24, dtype=np.int32).reshape(4, 6)
    there = pycuda_driver.mem_alloc(4 * 32)
    copy = pycuda_driver.Memcpy2D()
    copy.set_src_host(host)
    copy.set_dst_device(there)
    copy.src_pitch, copy.dst_pitch, copy.width_in_bytes, copy.height = 24, 32, 24, 4
    copy(aligned=True)
    wide = pycuda_driver.from_device(there, (4, 8), np.int32)
    assert np.array_equal(wide[:, :6], host)
    back, part = np.zeros((2, 3), np.int32), pycuda_driver.Memcpy2D()
    part.set_src_device(there)
    part.set_dst_host(back)
    part.src_pitch, part.src_x_in_bytes, part.src_y = 32, 8, 1
    part.dst_pitch, part.width_in_bytes, part.height = 12, 12, 2
    part(pycuda_driver.Stream())
    assert np.array_equal(back, host[1:3, 2:5])
    part.height = 3
    with pytest.raises(pycuda_driver.LogicError, match="36 bytes of an array of 24"):
        part()
    part.height, part.width_in_bytes = 1, 16
    with pytest.raises(pycuda_driver.LogicError, match="rows of 16 bytes"):
        part()


def test_pycuda_arguments_of_calls() -> None:
    there = np.arange(4, dtype=np.float32)
    for kind, sent, fetched in (
        (pycuda_driver.In, True, False), (pycuda_driver.Out, False, True), (pycuda_driver.InOut, True, True)
    ):  # fmt: skip
        handler = kind(there.copy())
        held = handler.get_device_alloc()
        pycuda_driver.memset_d8(held, 0, 16)
        handler.pre_call(None)
        assert np.array_equal(pycuda_driver.from_device_like(held, there), there if sent else 0 * there)
        pycuda_driver.memset_d32(held, 0x3F800000, 4)
        handler.post_call(None)
        assert np.array_equal(handler.array, np.ones(4, np.float32) if fetched else there)


def test_pycuda_names_that_scripts_ask_for_in_passing() -> None:
    managed = pycuda_driver.managed_zeros((2, 2), np.float32, mem_flags=pycuda_driver.mem_attach_flags.GLOBAL)
    aligned = pycuda_driver.register_host_memory(pycuda_driver.aligned_zeros((4,), np.int32))
    stream, held = pycuda_driver.Stream(), pycuda_driver.mem_alloc(16)
    pycuda_driver.memset_d32_async(held, 7, 4, stream)
    pycuda_driver.memcpy_dtoh_async(aligned, held, stream)
    assert (managed.sum(), aligned.tolist()) == (0, [7] * 4)
    pycuda_driver.memset_d8_async(held, 1, 16, stream)
    assert pycuda_driver.from_device(held, (16,), np.int8).tolist() == [1] * 16
    device = pycuda_driver.Device(0)
    limits = device.get_attributes()
    assert limits[pycuda_driver.device_attribute.MAX_THREADS_PER_BLOCK] == 1024
    assert device.pci_bus_id().count(":") == 2

    class Held(pycuda_driver.PointerHolderBase):
        def get_pointer(self) -> int:
            return int(held)

    pycuda_driver.memset_d8(Held(), 2, 16)
    assert pycuda_driver.from_device(held, (16,), np.int8).tolist() == [2] * 16


def test_pinned_arrays_have_an_address_on_the_device() -> None:
    pinned = pycuda_driver.pagelocked_zeros((2, 3), np.float16, mem_flags=pycuda_driver.host_alloc_flags.DEVICEMAP)
    base: Any = pinned.base
    assert base.get_device_pointer() == pinned.ctypes.data and pinned.shape == (2, 3) and pinned.dtype == "f2"
    pinned[1, 2] = 4
    assert pycuda_driver.from_device(base.get_device_pointer(), (6,), np.float16)[5] == 4
    assert pycuda_tools.PageLockedMemoryPool().allocate(5, np.int8).nbytes == 5
    assert int(pycuda_tools.DeviceMemoryPool().allocate(64)) and pycuda_tools.make_default_context().get_device()


@pytest.mark.parametrize("name", ["libcudart.so", "/usr/local/cuda/lib64/libcudart.so.13", "cudart64_12.dll"])
def test_names_of_the_library(name: str) -> None:
    assert libcudart.is_cudart(name)


def test_names_of_other_libraries() -> None:
    assert not any(libcudart.is_cudart(name) for name in (None, "", "libcuda.so.1", "libcudart_static.a", "libc.so.6"))


def test_the_library_of_a_script_has_its_own_functions() -> None:
    one, other = libcudart.LibCudart("libcudart.so"), libcudart.LibCudart("libcudart.so")
    one.cudaMalloc.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t]
    place = ctypes.c_int64()
    assert other.cudaMalloc(ctypes.byref(place), 16) == 0 and place.value
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    assert one.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total)) == 0 and 0 < free.value <= total.value
    assert one["cudaFree"](ctypes.c_void_p(place.value)) == 0
    assert one.cudaMalloc(None, 16) == int(cudaError_t.cudaErrorInvalidValue)
    with pytest.raises(AttributeError, match="no 'cudaLaunchKernel'"):
        _ = one.cudaLaunchKernel


def test_a_run_records_the_event_of_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    logger: Any = trt.Logger(trt.Logger.ERROR)
    context = trt.Runtime(logger).deserialize_cuda_engine(plan(logger)).create_execution_context()
    x, y = np.ones((3, 4), np.float32), np.empty((3, 5), np.float32)
    context.set_input_shape("x", x.shape)
    context.set_tensor_address("x", x)
    context.set_tensor_address("y", y)
    (_, start), (_, event) = cuda_runtime.cudaEventCreate(), cuda_runtime.cudaEventCreate()
    assert int(cuda_runtime.cudaEventElapsedTime(start, event)[0])
    cuda_runtime.cudaEventRecord(start, 0)
    assert context.set_input_consumed_event(int(event))
    assert context.execute_async_v3(0)
    status, milliseconds = cuda_runtime.cudaEventElapsedTime(start, event)
    assert not int(status)
    assert milliseconds is not None and milliseconds > 0
