"""What of the device package works without a GPU: imports, refusals, packing, stream handles, map checks."""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys

import pytest

from minirt.errors import ApiError, DeviceError
from minirt.runtime import device as dev


def test_importing_the_package_imports_no_cuda_package() -> None:
    code = "import sys, minirt.runtime.device; print([m for m in sys.modules if m.split('.')[0] in ('cupy', 'cuda')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(dev.available(), reason="a device is here")
def test_a_missing_device_is_told_in_a_sentence_once_something_is_asked() -> None:
    assert dev.why_unavailable()
    device = dev.Device(0)  # asks nothing yet
    for ask in (
        lambda: device.name,
        lambda: dev.DeviceMemory(device, 16),
        lambda: dev.Stream(device),
        dev.device_count,
    ):
        with pytest.raises(DeviceError, match=r"CUDA .*install minirt\[cuda\].*target cpu"):
            ask()
    assert dev.is_capturing(5) is False


def test_streams_of_every_library_give_their_handle() -> None:
    class Protocol:
        def __cuda_stream__(self) -> tuple[int, int]:
            return 0, 11

    class Cupy:
        ptr = 12

    class Torch:
        cuda_stream = 13

    class Pycuda:
        handle = 14

    class Nested:
        handle = ctypes.c_void_p(15)

    class Bindings:
        def __int__(self) -> int:
            return 16

    streams = [Protocol(), Cupy(), Torch(), Pycuda(), Nested(), Bindings(), ctypes.c_void_p(17), 18]
    assert [dev.stream_handle(stream) for stream in streams] == list(range(11, 19))
    assert dev.stream_handle(None) == dev.stream_handle(0) == dev.stream_handle(ctypes.c_void_p(0)) == 0
    for wrong in ("stream", object(), True.__class__):
        with pytest.raises(ApiError, match="not a CUDA stream"):
            dev.stream_handle(wrong)


class Described:
    """A stand-in for a tensor map: repeats its address."""

    def encode(self, address: int) -> bytes:
        return struct.pack("<Q", address) * 16


def test_arguments_lie_where_the_driver_looks_for_them_and_change_in_place() -> None:
    kinds: list[dev.Kind] = ["i32", "ptr", "f32", "map", "i64", "f64", "u32"]
    block = dev.ArgumentBlock(kinds, [-7, 0x123456789A, 1.5, (Described(), 64), -(2**40), 0.25, 2**32 - 1])
    addresses = (ctypes.c_uint64 * len(kinds)).from_address(block.params)
    assert ctypes.c_int32.from_address(addresses[0]).value == -7
    assert ctypes.c_uint64.from_address(addresses[1]).value == 0x123456789A
    assert ctypes.c_float.from_address(addresses[2]).value == 1.5
    assert addresses[3] % 64 == 0 and ctypes.string_at(addresses[3], 128) == struct.pack("<Q", 64) * 16
    assert ctypes.c_int64.from_address(addresses[4]).value == -(2**40)
    assert ctypes.c_double.from_address(addresses[5]).value == 0.25
    assert ctypes.c_uint32.from_address(addresses[6]).value == 2**32 - 1
    block.set(1, 99)
    block.set(3, 128)
    assert ctypes.c_uint64.from_address(addresses[1]).value == block.get(1) == 99
    assert ctypes.string_at(addresses[3], 8) == struct.pack("<Q", 128)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DeviceError, match=r"argument 0 \(i32\) cannot be 4294967296"):
        dev.ArgumentBlock(["i32"], [2**32])
    with pytest.raises(DeviceError, match="2 arguments for 1 parameters"):
        dev.ArgumentBlock(["i32"], [1, 2])
    with pytest.raises(DeviceError, match="16 bytes, not 128"):
        dev.ArgumentBlock(["map"], [bytes(16)])
    with pytest.raises(DeviceError, match="never described"):
        dev.ArgumentBlock(["map"], [4096])


def test_tensor_maps_that_the_engine_would_refuse_say_why() -> None:
    good = dev.TiledMap("f16", (192, 256), (384,), (64, 64))
    assert good.fault() == ""
    cases: list[tuple[dev.TiledMap | dev.Im2colMap, str]] = [
        (dev.TiledMap("c64", (192, 256), (384,), (64, 64)), "type c64"),
        (dev.TiledMap("f16", (192, 256), (380,), (64, 64)), "multiples of 16"),
        (dev.TiledMap("f16", (192, 256), (384,), (64, 512)), "1 to 256"),
        (dev.TiledMap("f16", (192, 256), (384,), (128, 64)), "exceed the swizzle's 128"),
        (dev.TiledMap("f16", (192, 256), (384,), (4, 64)), "rows of 8 bytes"),
        (dev.TiledMap("f16", (192, 256), (384,), (64, 64), swizzle=48), "swizzle 48"),
        (dev.TiledMap("f16", (192,) * 6, (384,) * 5, (64,) * 6), "6 dims"),
        (dev.Im2colMap("f16", (64, 14, 14, 2), (128, 1792, 25088), (-1, -1), (-200, 0), 64, 64), "exceed 128"),
        (dev.Im2colMap("f16", (64, 14, 14, 2), (128, 1792, 25088), (-1,), (-1, -1), 64, 64), "do not fit 4 dims"),
    ]
    for given, reason in cases:
        assert reason in given.fault()


def test_architectures_are_named_as_the_compiler_wants_them() -> None:
    assert [dev.architecture(cc) for cc in ((7, 5), (8, 0), (8, 9), (9, 0), (12, 0))] == [
        "sm_75", "sm_80", "sm_89", "sm_90a", "sm_120",
    ]  # fmt: skip
