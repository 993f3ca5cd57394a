"""Writes the ONNX model of a case.

usage: python -m benchmarks.export NET:BATCH FOLDER [--precision fp16] [--dynamic]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from benchmarks.cases import TYPES, Case, for_export

OPSET = 20
OWN_FILE_BYTES = 1 << 30


def export(case: Case, folder: Path, precision: str, dynamic: bool = False) -> Path:
    """Write the case's model, of exactly the shapes of its inputs; the path of the file.

    ``dynamic``, for inputs of tokens, leaves the first two axes free, and names the file NET-dynamic.onnx.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{case.name}-dynamic.onnx" if dynamic else case.file(precision))
    net = for_export(case.conditioned())
    dtype = TYPES[precision] if case.net.narrow else torch.float32
    net, feeds = net.to("cpu", dtype), case.feeds()
    held = [torch.from_numpy(v) for v in feeds.values()]
    inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in held)
    free = tuple({0: "batch", 1: "length"} for _ in inputs) if dynamic else None
    program = torch.onnx.export(
        net, inputs, dynamo=True, opset_version=OPSET, verbose=False, input_names=list(feeds), dynamic_shapes=free
    )
    size = sum(p.numel() * p.element_size() for p in net.parameters())
    part = folder / f".{os.getpid()}-{path.name}"
    program.save(str(part), external_data=size > OWN_FILE_BYTES)
    part.replace(path)
    return path


def main() -> None:
    """Export what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("case", help="such as resnet50:32")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", default="fp16", choices=TYPES, help="of nets that are kept narrow")
    parser.add_argument("--dynamic", action="store_true", help="batch and length are free, where inputs are tokens")
    options = parser.parse_args()
    print(export(Case(options.case), options.folder, options.precision, options.dynamic))


if __name__ == "__main__":
    main()
