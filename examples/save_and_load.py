"""An engine saved to a file by one process, and loaded and run by another that has no network."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import minirt as trt

W = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
X = np.arange(12, dtype=np.float32).reshape(2, 6)


def save(path: Path) -> None:
    """Build x @ W and write the engine."""
    builder = trt.Builder(trt.Logger(trt.Logger.WARNING))
    network = builder.create_network()
    x = network.add_input("x", trt.float32, X.shape)
    w = network.add_constant(W.shape, W).get_output(0)
    none = trt.MatrixOperation.NONE
    out = network.add_matrix_multiply(x, none, w, none).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    path.write_bytes(builder.build_serialized_network(network, config))


def load(path: Path) -> None:
    """Read the engine, run it, compare."""
    runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
    engine = runtime.deserialize_cuda_engine(path.read_bytes())
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    print("tensors:", [(name, tuple(engine.get_tensor_shape(name))) for name in names])
    got = engine.create_execution_context().run({"x": X})["y"]
    np.testing.assert_allclose(got, X @ W, rtol=1e-5, atol=1e-4)


def main() -> None:
    """Save here, load in a new process."""
    if len(sys.argv) > 1:
        load(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.engine"
        save(path)
        subprocess.run([sys.executable, "-m", "examples.save_and_load", str(path)], check=True)


if __name__ == "__main__":
    main()
