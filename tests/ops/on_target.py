"""Graphs on a target: built, loaded and run through the public runtime."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import numpy as np

import minirt as trt
from minirt.build.build import build
from minirt.build.options import Options
from minirt.build.targets import default_target
from minirt.ir.graph import Graph
from minirt.types.dtype import string
from minirt.types.tensor import Tensor

RUNS_A_TEST = 6
"""How many graphs of one test are also built: building takes a hundred times as long as evaluating."""

_counts: Counter[str] = Counter()


def wanted(graph: Graph) -> bool:
    """True for the first graphs of a test, where inputs and outputs are tensors of whole bytes an element."""
    types = [v.type for v in (*graph.inputs, *graph.outputs)]
    if not all(isinstance(t, Tensor) and t.dtype.bits >= 8 and t.dtype is not string for t in types):
        return False
    if any(not node.op.pure for node in graph.nodes):
        return False
    test = os.environ.get("PYTEST_CURRENT_TEST", "")
    _counts[test] += 1
    return _counts[test] <= RUNS_A_TEST


class OnTarget:
    """A graph, built and loaded for the target that MINIRT_TARGET names; call it with operands by name."""

    def __init__(self, graph: Graph) -> None:
        self._names = graph.names
        with patch.dict(os.environ, {"MINIRT_RAISE": "1"}):
            runtime = trt.Runtime(trt.Logger(trt.Logger.INTERNAL_ERROR))
            self._engine = runtime.deserialize_cuda_engine(build(graph, Options((default_target(),), tf32=False)))
            self._context = self._engine.create_execution_context()

    def __call__(self, feeds: Mapping[str, Any]) -> list[Any]:
        """The outputs, in order."""
        with patch.dict(os.environ, {"MINIRT_RAISE": "1"}):
            found = self._context.run({k: np.asarray(v, order="C") for k, v in feeds.items()})
        return [np.asarray(found[name]) for name in self._names]
