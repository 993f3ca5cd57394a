"""Measurements of kernels kept from one build for the next: a timing cache saved, loaded, edited and combined."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import minirt as trt


def main() -> None:
    """Build with a cache, write it, read it into the next build."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (2, 8))
    w = network.add_constant((8, 8), np.eye(8, dtype=np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    network.mark_output(network.add_matrix_multiply(x, none, w, none).get_output(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timing.cache"
        engines = []
        for _ in range(2):
            config = builder.create_builder_config()
            held = path.read_bytes() if path.exists() else b""
            assert config.set_timing_cache(config.create_timing_cache(held), ignore_mismatch=False)
            engines.append(bytes(builder.build_serialized_network(network, config)))
            path.write_bytes(config.get_timing_cache().serialize())
        assert engines[0] == engines[1], "a build with the cache of the build before gives the same engine"
        cache = config.create_timing_cache(path.read_bytes())
    other = config.create_timing_cache(b"")
    key = trt.TimingCacheKey.parse("0x000102030405060708090a0b0c0d0e0f")
    assert other.update(key, trt.TimingCacheValue(7, 0.25))
    assert cache.combine(other, ignore_mismatch=False)
    assert (cache.query(key).tacticHash, cache.query(key).timingMSec) == (7, 0.25)
    print("measurements:", [str(k) for k in cache.queryKeys()])
    assert cache.reset()
    assert cache.queryKeys() == []


if __name__ == "__main__":
    main()
