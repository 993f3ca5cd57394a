"""Measurements of kernels kept from one build for the next: a timing cache saved, loaded, edited and combined.

Kernels are timed where the engine is for a GPU that is here; elsewhere the cache stays empty, and all else works.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import minirt as trt


def main() -> None:
    """Build with a cache, write it, read it into the next build, which measures nothing."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (64, 256))
    w = network.add_constant((256, 256), np.eye(256, dtype=np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    network.mark_output(network.add_matrix_multiply(x, none, w, none).get_output(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timing.cache"
        engines, saved = [], []
        for _ in range(2):
            config = builder.create_builder_config()
            config.builder_optimization_level = 3  # the default, a few kernels a layer; 5 times all
            held = path.read_bytes() if path.exists() else b""
            assert config.set_timing_cache(config.create_timing_cache(held), ignore_mismatch=False)
            engines.append(bytes(builder.build_serialized_network(network, config)))
            path.write_bytes(config.get_timing_cache().serialize())
            saved.append(path.read_bytes())
        assert engines[0] == engines[1], "a build with the cache of the build before gives the same engine"
        assert saved[0] == saved[1], "and has nothing to add to it"
        cache = config.create_timing_cache(saved[1])
    for key in cache.queryKeys():
        print(f"{key}: tactic 0x{cache.query(key).tacticHash:x}, {cache.query(key).timingMSec * 1e3:.2f} us")
    other = config.create_timing_cache(b"")
    key = trt.TimingCacheKey.parse("0x000102030405060708090a0b0c0d0e0f")
    assert other.update(key, trt.TimingCacheValue(7, 0.25)), "with EDITABLE_TIMING_CACHE a build obeys such entries"
    assert cache.combine(other, ignore_mismatch=False)
    assert (cache.query(key).tacticHash, cache.query(key).timingMSec) == (7, 0.25)
    print("measurements:", len(cache.queryKeys()))
    assert config.create_timing_cache(saved[1][:-1] + b"?") is None, "damaged bytes are refused, and the log says why"
    assert cache.reset()
    assert cache.queryKeys() == []


if __name__ == "__main__":
    main()
