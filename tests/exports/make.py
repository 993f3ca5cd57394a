"""Exports the nets to ONNX with conditioned random weights. Needs torch, onnxscript and transformers.

usage: python -m tests.exports.make OUTDIR [NAME...] [--opset N]     NAMEs as in tests/exports/zoo.py
"""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from tests.exports.conditioning import condition
from tests.exports.nets import NETS
from tests.exports.zoo import EXPORTS, Export

OPSET = 20
CALIBRATION_BATCH = 12
CLASSIFIERS = ("mobilenetv3", "vit")


def _tensors(export: Export, seed: int, batch: int = 0) -> tuple[Tensor, ...]:
    feeds = export.feeds(0, seed, batch)
    return tuple(torch.from_numpy(value) for value in feeds.values())


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what the exporter notes about where each node came from: it is larger than a small net's weights."""
    for noted in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del noted.metadata_props[:]
        noted.ClearField("doc_string")
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
    return model


def conditioned(export: Export, seed: int = 0) -> nn.Module:
    """Return the net in evaluation mode, with random weights conditioned so that its answers are informative."""
    torch.manual_seed(seed)
    net = NETS[export.net](**export.sizes)
    return condition(net, _tensors(export, seed + 1, CALIBRATION_BATCH), export.net in CLASSIFIERS, seed)


def write(export: Export, path: Path, opset: int = OPSET) -> None:
    """Export one net to a file; atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    net = conditioned(export)
    names = list(export.feeds())
    shapes = tuple(dict(export.dynamic.get(name, {})) for name in names)
    program = torch.onnx.export(
        net, _tensors(export, 0), dynamo=True, opset_version=opset, dynamic_shapes=shapes, verbose=False,
        input_names=names, output_names=list(export.outputs),
    )  # fmt: skip
    fresh = path.with_suffix(f".{os.getpid()}")
    onnx.save(_without_traces(program.model_proto), fresh)
    os.replace(fresh, path)
    with torch.no_grad():
        given = net(*_tensors(export, 0))
    for name, value in zip(export.outputs, given if isinstance(given, tuple) else (given,), strict=True):
        array = value.numpy()
        print(f"  {name}{list(array.shape)} std {np.std(array):.3f} max {np.abs(array).max():.3f}")


def main() -> None:
    """Export the nets that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("outdir", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPORTS))
    parser.add_argument("--opset", type=int, default=OPSET)
    options = parser.parse_args()
    for name in options.names or EXPORTS:
        path = options.outdir / f"{name}.onnx"
        write(EXPORTS[name], path, options.opset)
        print(f"{path} {path.stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
