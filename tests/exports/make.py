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

from tests.exports.nets import NETS
from tests.exports.zoo import EXPORTS, Export

OPSET = 20
CALIBRATION_BATCH = 12
CLASSIFIERS = ("mobilenetv3", "vit")


def _randomize(net: nn.Module, rng: torch.Generator) -> None:
    """Give every weight a random value at a scale at which signals keep their size from layer to layer."""

    def normal(parameter: Tensor, std: float, mean: float = 0.0) -> None:
        parameter.copy_(mean + std * torch.randn(parameter.shape, generator=rng))

    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
                normal(parameter, *((0.2, 1.0) if name == "weight" else (0.1, 0.0)))
            elif name.startswith("bias") or parameter.ndim < 2:
                normal(parameter, 0.1)
            elif isinstance(module, nn.Embedding):
                normal(parameter, 0.7)
            elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                normal(parameter, (2 / parameter[0].numel()) ** 0.5)
            elif isinstance(module, nn.Linear) or module.__class__.__name__ == "Conv1D":
                fan_in = parameter.shape[1 if isinstance(module, nn.Linear) else 0]
                normal(parameter, 1.2 / fan_in**0.5)
            else:
                normal(parameter, 1.5 / parameter.shape[-1] ** 0.5)


def _measure_batch_norms(net: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Set the running statistics of batch norms to what they see on the inputs, so that they normalise."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms:
        net(*inputs)
    for norm in norms:  # a channel that is nearly constant on these inputs must not blow up on others
        norm.running_var += 0.2 * norm.running_var.mean()
    net.eval()


def _spread_logits(net: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Center a classifier's logits and spread them to unit scale, so that they tell pictures apart."""
    logits = net(*inputs)
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    mean, scale = logits.mean(0), 1 / logits.std(0).mean()
    last.weight *= scale
    last.bias.sub_(mean).mul_(scale)


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


def condition(net: nn.Module, sample: tuple[Tensor, ...], classifies: bool, seed: int = 0) -> nn.Module:
    """Return the net in evaluation mode, its weights random and its norms and logits fitted to sample inputs."""
    net.eval()
    with torch.no_grad():
        _randomize(net, torch.Generator().manual_seed(seed))
        _measure_batch_norms(net, sample)
        if classifies:
            _spread_logits(net, sample)
    return net


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
