"""The tiny exports through the whole of minirt on a device, at each of their shapes, compared with onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import onnxruntime
import pytest

from minirt.build.options import Profile
from minirt.build.targets import default_target
from minirt.errors import ApiError
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime import device as dev
from tests.exports.zoo import EXPORTS, Export, export_path
from tests.gpu.cases import Case
from tests.gpu.session import Array, Session

pytestmark = pytest.mark.gpu
TINY = [name for name in EXPORTS if name.endswith("-tiny")]
TOLERANCE = 1e-4
"""Of the largest element: float32 sums of some thousand terms in another order, over a dozen layers."""


def reference(export: Export, feeds: Mapping[str, Array]) -> list[Array]:
    """What onnxruntime's CPU provider computes."""
    session = onnxruntime.InferenceSession(str(export_path(export.name)), providers=["CPUExecutionProvider"])
    return [np.asarray(a) for a in session.run(None, dict(feeds))]


def profile(export: Export) -> Profile:
    """Sizes from 1 to twice the greatest that the export is fed."""
    seen = [{n: a.shape for n, a in export.feeds(v).items()} for v in export.variants]
    shapes = {}
    for name, best in seen[0].items():
        dynamic = export.dynamic.get(name, {})
        least = tuple(min(s[name][i] for s in seen) if i in dynamic else d for i, d in enumerate(best))
        most = tuple(2 * max(s[name][i] for s in seen) if i in dynamic else d for i, d in enumerate(best))
        shapes[name] = (least, best, most)
    return Profile(shapes)


def session_of(name: str) -> Session:
    """An export built for the device, with its dynamic axes."""
    export = EXPORTS[name]
    return Session(import_graph(read_model(str(export_path(name)))), default_target(), profile(export))


def assert_near(found: list[Array], wanted: list[Array]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * float(np.abs(b).max()))


@pytest.fixture
def stream() -> Iterator[dev.Stream]:
    made = dev.Stream(dev.Device(0))
    yield made
    made.close()


@pytest.mark.parametrize("name", TINY)
def test_export(name: str, stream: dev.Stream) -> None:
    export, session = EXPORTS[name], session_of(name)
    assert session.plan.target == default_target().name
    for round in range(3):  # plain launches, then a graph, then the graph with other addresses
        for variant in export.variants:
            feeds = export.feeds(variant, seed=round)
            wanted = reference(export, feeds)
            shapes = {b.name: w.shape for b, w in zip(session.plan.outputs, wanted, strict=True)}
            if round == 2:
                session.forget()
            found = session.run_into(feeds, shapes, stream.handle) if round else session.run(feeds, stream.handle)
            assert_near(found, wanted)


def test_contexts_of_one_engine_share_weights_and_nothing_else() -> None:
    export = EXPORTS["mobilenetv3-tiny"]
    first = session_of(export.name)
    second = first.another()
    one, two = export.feeds(0, seed=1), export.feeds(0, seed=2)
    results = [first.start(one), second.start(two)]
    assert_near(first.get(results[0]), reference(export, one))
    assert_near(second.get(results[1]), reference(export, two))


def test_a_capturing_stream_records_plain_launches(stream: dev.Stream) -> None:
    export = EXPORTS["mobilenetv3-tiny"]
    session = session_of(export.name)
    feeds = export.feeds(0)
    wanted = reference(export, feeds)
    shapes = {b.name: w.shape for b, w in zip(session.plan.outputs, wanted, strict=True)}
    session.run_into(feeds, shapes, stream.handle)
    inputs, outputs = session.addresses(feeds, shapes)
    stream.synchronize()
    graph = dev.CapturedGraph(dev.Device(0), stream.handle, lambda s: session.launch(inputs, outputs, s))
    other = export.feeds(0, seed=5)
    for name, array in other.items():
        assert session.put(name, array, stream.handle) == inputs[name]
    with dev.Device(0).current():
        graph.launch(stream.handle)
    assert_near(session.at(outputs, shapes, stream.handle), reference(export, other))
    with pytest.raises(ApiError, match="no memory can be allocated"):
        dev.CapturedGraph(dev.Device(0), stream.handle, lambda s: session.launch(inputs, {}, s))
    session.run_into(feeds, shapes, stream.handle)


def test_host_work_on_a_capturing_stream_is_an_error(stream: dev.Stream) -> None:
    graph, feeds = Case("NonZero", ((5, 9),)).graph("f32", np.random.default_rng(0))
    session = Session(graph, default_target())
    session.run(feeds, stream.handle)
    with pytest.raises(ApiError, match="host must wait"):
        dev.CapturedGraph(dev.Device(0), stream.handle, lambda s: session.launch({"x0": 0}, {}, s))
    session.run(feeds, stream.handle)
