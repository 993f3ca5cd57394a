"""The ONNX backend's node cases: how they are loaded, run through minirt, and compared."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

import minirt as trt
from minirt.errors import MinirtError
from minirt.ops.evaluate import evaluate
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model

Run = Callable[[onnx.ModelProto, Sequence[Any]], list[Any]]


@cache
def cases() -> dict[str, TestCase]:
    """Every node case by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {c.name: c for c in load_model_tests(kind="node")}


def unsupported(path: str) -> dict[str, str]:
    """Cases that the path does not pass yet, with the reason: one ``case: reason`` a line."""
    lines = (Path(__file__).parent / f"unsupported_{path}.txt").read_text().splitlines()
    return {name: reason.strip() for name, _, reason in (line.partition(":") for line in lines if line.strip())}


def with_constants(model: onnx.ModelProto, values: Sequence[Any], names: set[str]) -> onnx.ModelProto:
    """The model with the named inputs as initializers of these values."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    kept = [i for i in out.graph.input if i.name not in names]
    for info, value in zip(list(out.graph.input), values, strict=False):
        if info.name in names:
            out.graph.initializer.append(numpy_helper.from_array(np.asarray(value), info.name))
    del out.graph.input[:]
    out.graph.input.extend(kept)
    return out


def variants(model: onnx.ModelProto, values: Sequence[Any]) -> list[set[str]]:
    """Which inputs to give as constants, one choice after the other until the model runs.

    The cases pass shapes, axes and pads as inputs.  What minirt must know when it builds is first tried as an input,
    then given as a constant, as models in use have it: small integers first, then every small operand but the first.
    """
    values = [np.asarray(v) if isinstance(v, np.generic) else v for v in values]
    pairs = list(zip((i.name for i in model.graph.input), values, strict=False))
    small = {name for name, v in pairs if isinstance(v, np.ndarray) and v.ndim <= 1 and v.size <= 64}
    integers = {name for name, v in pairs if name in small and np.asarray(v).dtype.kind in "iu"}
    first = {name for name, _ in pairs[:1]}
    choices: list[set[str]] = []
    for names in (set(), integers - first, integers, small - first):
        if names not in choices:
            choices.append(names)
    return choices


def by_reference(model: onnx.ModelProto, values: Sequence[Any]) -> list[Any]:
    """Imported, and evaluated with NumPy."""
    graph = import_graph(read_model(model.SerializeToString()))
    given = dict(zip((i.name for i in model.graph.input), values, strict=False))
    return evaluate(graph, {name: given[name] for name in graph.input_names})


def by_cpu(model: onnx.ModelProto, values: Sequence[Any]) -> list[Any]:
    """Parsed, built, saved, loaded and run on the CPU by the public API; raises MinirtError where a step is refused."""
    with patch.dict(os.environ, {"MINIRT_TARGET": "cpu", "MINIRT_RAISE": "1"}):
        logger = trt.Logger(trt.Logger.INTERNAL_ERROR)
        builder = trt.Builder(logger)
        network = builder.create_network()
        parser = trt.OnnxParser(network, logger)
        if not parser.parse(model.SerializeToString()):
            raise MinirtError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)))
        config = builder.create_builder_config()
        config.clear_flag(trt.BuilderFlag.TF32)
        engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
        names = [i.name for i in model.graph.input]
        given = {n: np.asarray(v) for n, v in zip(names, values, strict=True)}
        found = engine.create_execution_context().run(given)
        return [found[o.name] for o in model.graph.output]


def same(found: Any, wanted: Any, rtol: float, atol: float) -> None:
    """Asserts equal types and shapes, and elements within the case's tolerance."""
    if isinstance(wanted, list | tuple):
        assert isinstance(found, list | tuple), f"{type(found).__name__} where a sequence is wanted"
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same(a, b, rtol, atol)
        return
    if wanted is None:
        assert found is None
        return
    if isinstance(wanted, onnx.TensorProto):
        wanted = numpy_helper.to_array(wanted)
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, f"shape {found.shape} where {wanted.shape} is wanted"
    if wanted.dtype.kind in "OUS":
        assert found.astype(str).tolist() == wanted.astype(str).tolist()
        return
    assert found.dtype == wanted.dtype, f"{found.dtype} where {wanted.dtype} is wanted"
    if wanted.dtype.kind in "iub":
        np.testing.assert_array_equal(found, wanted)
        return
    wide = np.complex128 if wanted.dtype.kind == "c" else np.float64
    if wanted.dtype == np.float16 or wanted.dtype.name == "bfloat16":
        rtol, atol = max(rtol, 1e-2), max(atol, 1e-3)
    np.testing.assert_allclose(found.astype(wide), wanted.astype(wide), rtol=rtol, atol=atol)


def _first_that_runs(model: onnx.ModelProto, values: Sequence[Any], run: Run) -> list[Any]:
    *choices, last = variants(model, values)
    for names in choices:
        try:
            return run(with_constants(model, values, names), _free(model, values, names))
        except MinirtError:
            continue
    return run(with_constants(model, values, last), _free(model, values, last))


def _free(model: onnx.ModelProto, values: Sequence[Any], names: set[str]) -> list[Any]:
    return [v for i, v in zip(model.graph.input, values, strict=False) if i.name not in names]


def run_case(name: str, run: Run) -> None:
    """Runs a case's data sets on a path and compares; raises where they differ."""
    case = cases()[name]
    assert case.model is not None and case.data_sets is not None
    for inputs, outputs in case.data_sets:
        values = [numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for v in inputs]
        found = _first_that_runs(case.model, values, run)
        assert len(found) == len(outputs)
        for a, b in zip(found, outputs, strict=True):
            same(a, b, case.rtol, case.atol)


PATHS: dict[str, Run] = {"reference": by_reference, "cpu": by_cpu}
