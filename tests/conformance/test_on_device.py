"""The ONNX backend's node cases, each built for a device and run there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest

from minirt.build.targets import default_target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.types.tensor import Tensor
from tests.conformance.cases import cases, run_case, unsupported
from tests.gpu.session import Session

pytestmark = [pytest.mark.gpu, pytest.mark.conformance]


class NoTensor(Exception):
    """An input or output is a string, a sequence or an optional."""


def by_engine(model: onnx.ModelProto, values: Sequence[Any]) -> list[Any]:
    """Imported, built, saved, loaded and run on the default target."""
    graph = import_graph(read_model(model.SerializeToString()))
    types = [v.type for v in (*graph.inputs, *graph.outputs)]
    if not all(
        isinstance(t, Tensor) and t.dtype.bits % 8 == 0 and t.dtype.kind in "fiub" and t.dtype.bits for t in types
    ):
        raise NoTensor
    given = dict(zip((i.name for i in model.graph.input), values, strict=False))
    return list(Session(graph, default_target()).run({n: np.asarray(given[n]) for n in graph.input_names}))


@pytest.mark.parametrize("case", sorted(set(cases()) - set(unsupported("reference"))))
@pytest.mark.filterwarnings("ignore")
def test_case(case: str) -> None:
    try:
        run_case(case, by_engine)
    except NoTensor:
        pytest.skip("strings, sequences, optionals and packed types stay on the host")
