"""The engine file: what is read is what was written, and nothing else is accepted."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.errors import EngineFormatError
from minirt.plan.format import ALIGN, MAGIC, VERSION, read_sections, write_sections

SECTIONS = {"about": b'{"a": 1}', "empty": b"", "blob/0": bytes(range(256)) * 3, "tail": b"x"}


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=600), max_size=6))
def test_sections_round_trip(sections: dict[str, bytes]) -> None:
    data = write_sections(sections)
    found = read_sections(data)
    assert {k: bytes(v) for k, v in found.items()} == sections
    assert write_sections(sections) == data


def test_sections_are_aligned_views_of_the_data() -> None:
    data = write_sections(SECTIONS)
    start = np.frombuffer(data, np.uint8).ctypes.data
    for section in read_sections(data).values():
        if len(section):
            assert (np.frombuffer(section, np.uint8).ctypes.data - start) % ALIGN == 0


@settings(max_examples=400)
@given(st.data())
def test_every_flipped_bit_is_found(data: st.DataObject) -> None:
    written = bytearray(write_sections(SECTIONS))
    bit = data.draw(st.integers(0, 8 * len(written) - 1))
    written[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EngineFormatError):
        read_sections(bytes(written))


def test_every_truncation_and_extension_is_found() -> None:
    written = write_sections(SECTIONS)
    for size in range(len(written)):
        with pytest.raises(EngineFormatError):
            read_sections(written[:size])
    with pytest.raises(EngineFormatError, match="follow the last section"):
        read_sections(written + b"\0")


@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(EngineFormatError):
        read_sections(data)


def test_a_newer_format_and_a_forged_length_say_so() -> None:
    written = bytearray(write_sections(SECTIONS))
    struct.pack_into("<I", written, 8, VERSION + 1)
    with pytest.raises(EngineFormatError, match="upgrade"):
        read_sections(bytes(written))
    struct.pack_into("<II", written, 8, VERSION, 1 << 31)
    with pytest.raises(EngineFormatError, match="truncated"):
        read_sections(bytes(written))
    with pytest.raises(EngineFormatError, match="not a minirt engine"):
        read_sections(b"TRT!" + bytes(written)[len(MAGIC) :])


def test_damage_in_large_sections_names_the_section() -> None:
    """Large sections are checked side by side."""
    sections = {f"blob/{i}": bytes([i]) * (1 << 18) for i in range(5)}
    written = bytearray(write_sections(sections))
    assert {n: bytes(s) for n, s in read_sections(written).items()} == sections
    place = bytes(written).index(b"\3" * 64) + 100_000
    written[place] ^= 1
    with pytest.raises(EngineFormatError, match="'blob/3' is damaged"):
        read_sections(written)
