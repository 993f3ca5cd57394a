"""An engine written piece by piece while it is built, and read back piece by piece: stream writer and reader."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import minirt as trt

W = np.random.default_rng(5).normal(size=(256, 64)).astype(np.float32)


class FileWriter(trt.IStreamWriter):
    """Writes an engine to a file."""

    def __init__(self, file: BinaryIO) -> None:
        trt.IStreamWriter.__init__(self)
        self.file = file

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        return self.file.write(data)


class FileReader(trt.IStreamReaderV2):
    """Reads an engine from a file, in any order."""

    def __init__(self, file: BinaryIO) -> None:
        trt.IStreamReaderV2.__init__(self)
        self.file, self.calls = file, 0

    def read(self, num_bytes: int, stream: int) -> bytes:
        """Return the next bytes."""
        self.calls += 1
        return self.file.read(num_bytes)

    def seek(self, offset: int, where: Any) -> bool:
        """Move in the file."""
        whence = {trt.SeekPosition.SET: 0, trt.SeekPosition.CUR: 1, trt.SeekPosition.END: 2}[where]
        self.file.seek(offset, whence)
        return True


def main() -> None:
    """Write, read, run."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (3, 256))
    w = network.add_constant(W.shape, W).get_output(0)
    none = trt.MatrixOperation.NONE
    out = network.add_matrix_multiply(x, none, w, none).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.engine"
        with path.open("wb") as file:
            assert builder.build_serialized_network_to_stream(network, config, FileWriter(file))
        assert path.stat().st_size > W.nbytes
        with path.open("rb") as file:
            reader = FileReader(file)
            engine = trt.Runtime(logger).deserialize_cuda_engine(reader)
    a = np.random.default_rng(6).normal(size=(3, 256)).astype(np.float32)
    got = engine.create_execution_context().run({"x": a})["y"]
    np.testing.assert_allclose(got, a @ W, atol=1e-4)
    print("reads:", reader.calls)


if __name__ == "__main__":
    main()
