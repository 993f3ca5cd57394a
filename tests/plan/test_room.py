"""Bytearrays that take gigabytes."""

import random

import pytest

from minirt.api.host_memory import host_memory
from minirt.plan.room import extend

LARGE = 1 << 25


@pytest.mark.parametrize("before", [b"", b"head"])
@pytest.mark.parametrize("sizes", [(), (0,), (1, 0, 3), (LARGE + 5,), (7, LARGE - 1, 0, 1 << 22, 100)])
def test_parts_follow_each_other(before: bytes, sizes: tuple[int, ...]) -> None:
    rng = random.Random(1)
    parts = [rng.randbytes(size) for size in sizes]
    for out in (bytearray(before), host_memory(before)):
        extend(out, [memoryview(p) if i % 2 else p for i, p in enumerate(parts)])
        assert bytes(out) == b"".join([before, *parts])
        out += b"more"  # it is an array as any other
        assert bytes(memoryview(out)[-4:]) == b"more"


def test_an_array_that_is_read_is_not_lengthened() -> None:
    out = bytearray(b"held")
    with memoryview(out), pytest.raises(BufferError):
        extend(out, [b"x"])
    assert out == b"held"
