"""The binary store: entire or absent, checked, bounded, shared between processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from minirt.kernels.store import Store, content_key


def test_what_is_put_is_got_also_by_another_store_on_the_same_root(tmp_path: Path) -> None:
    key = content_key("text", b"options")
    assert Store(tmp_path).get(key) is None
    Store(tmp_path).put(key, b"\x00cubin\xff" * 1000)
    assert Store(tmp_path).get(key) == b"\x00cubin\xff" * 1000
    assert Store(tmp_path).total_bytes() == 7000


def test_keys_are_told_apart_by_part_boundaries() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("ab") == content_key(b"ab")


@pytest.mark.parametrize("at", [0, 10, 45, -1])
def test_any_flipped_byte_makes_the_entry_absent_and_removes_it(tmp_path: Path, at: int) -> None:
    store, key = Store(tmp_path), content_key("k")
    store.put(key, b"payload")
    data = bytearray(store.path(key).read_bytes())
    data[at] ^= 1
    store.path(key).write_bytes(data)
    assert store.get(key) is None
    assert not store.path(key).exists()


def test_a_truncated_entry_is_absent(tmp_path: Path) -> None:
    store, key = Store(tmp_path), content_key("k")
    store.put(key, b"payload")
    for length in (0, 5, 39, 44):
        store.path(key).write_bytes(store.path(key).read_bytes()[:length] if store.path(key).exists() else b"")
        assert store.get(key) is None


def test_the_least_recently_used_entries_leave_first(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1000 * 256)
    keys = ["ab" + content_key(str(i))[2:] for i in range(4)]  # of one of the 256 folders, which has 1000 bytes
    for age, key in enumerate(keys[:3]):
        store.put(key, bytes(300))
        os.utime(store.path(key), (1000 + age, 1000 + age))
    assert store.get(keys[0]) is not None  # now the most recently used
    store.put(keys[3], bytes(300))
    assert [store.get(key) is not None for key in keys] == [True, False, False, True]
    assert store.total_bytes() == 600


def test_an_entry_above_the_bound_is_kept_until_the_next_of_its_folder(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1000 * 256)
    keys = ["ab" + content_key(str(i))[2:] for i in range(2)]
    for key in keys:
        store.put(key, bytes(3000))
        assert store.get(key) is not None
    assert store.total_bytes() == 3000


def test_a_key_that_is_no_sha256_is_refused(tmp_path: Path) -> None:
    for key in ("", "../../etc/passwd", "A" * 64, "a" * 63):
        with pytest.raises(ValueError, match="SHA-256"):
            Store(tmp_path).get(key)


def test_a_root_that_cannot_be_written_only_loses_the_cache(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = Store(blocked / "below")
    store.put(content_key("k"), b"data")
    assert store.get(content_key("k")) is None


def test_threads_that_write_the_same_entry_leave_one_entire_file(tmp_path: Path) -> None:
    store, key = Store(tmp_path, max_bytes=10**6), content_key("k")
    threads = [threading.Thread(target=store.put, args=(key, bytes([i]) * 50_000)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = store.get(key)
    assert got is not None and len(got) == 50_000 and len(set(got)) == 1
    assert [path.name for path in tmp_path.rglob("*.*") if path.is_file()] == [store.path(key).name]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: str, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("minirt.kernels.store.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).put(content_key("a"), b"1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
