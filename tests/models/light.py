"""onnx's light models, which come with constant weights, filled with random weights that give informative answers.

usage: python -m tests.models.light [NAME...]     makes models (all, when none is named) and prints their paths
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
from onnx import helper, numpy_helper

from tests.models.inputs import Array, Feeds, Floats, Rng, picture
from tests.models.oracle import session
from tests.models.wheels import locked, replacing, store

LIGHT = {
    "alexnet": "light_bvlc_alexnet",
    "squeezenet": "light_squeezenet",
    "resnet50": "light_resnet50",
    "inception_v1": "light_inception_v1",
}
"""The models by name, with the stems of their files in the onnx package."""

SEED = 7
LOGIT_STD = 2.0


def feeds(name: str, variant: int = 0, seed: int = 0) -> Feeds:
    """Return an image for a filled model, by input name; its one shape is [1, 3, 224, 224]."""
    model = onnx.load(light_path(name), load_external_data=False)
    return {model.graph.input[0].name: image(np.random.default_rng([seed, variant]))}


def image(rng: Rng) -> Floats:
    """Return a picture at the size of all four models, of unit scale."""
    return picture(rng, 1, 3, 224, 224, low=-2.0, high=2.0)


def light_path(name: str) -> Path:
    """Return the path of a filled model, made on first use and kept in the store."""
    path = store() / f"light-{name}-{SEED}.onnx"
    with locked(f"light-{name}"):
        if not path.exists():
            source = Path(onnx.backend.test.__file__).parent / "data" / "light" / f"{LIGHT[name]}.onnx"
            with replacing(path) as fresh:
                onnx.save(fill(onnx.load(source), np.random.default_rng(SEED)), fresh)
    return path


def fill(model: onnx.ModelProto, rng: Rng) -> onnx.ModelProto:
    """Replace each weight of a light model, in place: He-normal kernels, measured batch norms, logits of std 2."""
    weights = _take_weights(model)
    for name, (user, place) in _uses(model, weights).items():
        weights[name] = _draw(user.op_type, place, weights[name].shape, rng)
    _set_weights(model, weights)
    sample: Feeds = {model.graph.input[0].name: image(rng)}
    measured = _measure_batch_norms(model, weights, sample)
    _set_weights(model, measured)
    _scale_logits(model, measured, sample)
    return model


def _take_weights(model: onnx.ModelProto) -> dict[str, Array]:
    """Take the weights out of the graph, whether ConstantOfShape nodes or initializers; leave shapes in it."""
    graph = model.graph
    fixed = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights: dict[str, Array] = {}
    for node in [node for node in graph.node if node.op_type == "ConstantOfShape"]:
        weights[node.output[0]] = np.zeros(tuple(fixed[node.input[0]]), np.float32)
        graph.node.remove(node)
    weights |= {name: value for name, value in fixed.items() if value.dtype == np.float32 and value.ndim}
    used = {name for node in graph.node for name in node.input}
    keep = [tensor for tensor in graph.initializer if tensor.name in used and tensor.name not in weights]
    inputs = [value for value in graph.input if value.name in used and value.name not in {*weights, *fixed}]
    del graph.initializer[:], graph.input[:]
    graph.initializer.extend(keep)
    graph.input.extend(inputs)
    return {name: value for name, value in weights.items() if name in used}


def _uses(model: onnx.ModelProto, weights: Iterable[str]) -> dict[str, tuple[onnx.NodeProto, int]]:
    """Return the first node that computes with each weight, looking through reshapes, and the weight's place in it."""
    known = set(weights)
    source = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type in ("Reshape", "Unsqueeze") and node.input[0] in known
    }
    uses: dict[str, tuple[onnx.NodeProto, int]] = {}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            name = source.get(name, name)
            if name in known and node.output[0] not in source:
                uses.setdefault(name, (node, place))
    return uses


def _draw(op: str, place: int, shape: tuple[int, ...], rng: Rng) -> Floats:
    """Return random numbers for one weight, at the scale that its place calls for."""
    normal = rng.normal(size=shape)
    match op, place:
        case "Conv", 1:
            drawn = normal * np.sqrt(2 / np.prod(shape[1:]))
        case ("Gemm" | "MatMul"), 1:
            drawn = normal * np.sqrt(2 / max(shape))
        case ("BatchNormalization", 1) | ("Mul", _):
            drawn = 1 + 0.2 * normal
        case "BatchNormalization", 4:
            drawn = np.ones(shape)
        case "BatchNormalization", 3:
            drawn = np.zeros(shape)
        case _:
            drawn = 0.1 * normal
    return np.asarray(drawn, np.float32)


def _set_weights(model: onnx.ModelProto, weights: dict[str, Array]) -> None:
    """Make the weights the graph's initializers, in place of those of the same names."""
    keep = [tensor for tensor in model.graph.initializer if tensor.name not in weights]
    del model.graph.initializer[:]
    model.graph.initializer.extend(keep + [numpy_helper.from_array(value, name) for name, value in weights.items()])


def _measure_batch_norms(model: onnx.ModelProto, weights: dict[str, Array], sample: Feeds) -> dict[str, Array]:
    """Return the weights with each batch norm's mean and variance those of what reaches it, first to last."""
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    if not norms:
        return weights
    statistics = {name: weights[name] for norm in norms for name in norm.input[3:5]}
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    fixed = [tensor for tensor in probe.graph.initializer if tensor.name not in statistics]
    del probe.graph.initializer[:], probe.graph.output[:]
    probe.graph.initializer.extend(fixed)
    for name, value in statistics.items():
        probe.graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape))
    probe.graph.output.extend(onnx.ValueInfoProto(name=norm.input[0]) for norm in norms)
    runner = session(probe.SerializeToString(), optimized=False)
    for norm in norms:
        reached = runner.run([norm.input[0]], {**sample, **statistics})[0].astype(np.float64)
        statistics[norm.input[3]] = reached.mean((0, 2, 3)).astype(np.float32)
        statistics[norm.input[4]] = (reached.var((0, 2, 3)) + 1e-3).astype(np.float32)
    return weights | statistics


def _scale_logits(model: onnx.ModelProto, weights: dict[str, Array], sample: Feeds) -> None:
    """Scale the last kernel so that the classes' logits spread as a trained net's do."""
    last = [node for node in model.graph.node if node.op_type in ("Gemm", "Conv")][-1]
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(onnx.ValueInfoProto(name=last.output[0]))
    logits = session(probe.SerializeToString(), optimized=False).run(None, sample)[0]
    spread = logits.mean((2, 3)).std() if logits.ndim == 4 else logits.std()
    [kernel] = [name for name, (node, place) in _uses(model, weights).items() if node == last and place == 1]
    weights[kernel] = (weights[kernel] * (LOGIT_STD / spread)).astype(np.float32)
    _set_weights(model, weights)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or LIGHT:
        print(light_path(wanted))
