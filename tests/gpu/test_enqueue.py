"""Runs put on a stream again: other addresses, shapes in turns, captures, and tensor maps that only move."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from minirt.build.options import Profile
from minirt.build.targets import default_target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime import device as dev
from minirt.runtime.device.graphs import CapturedGraph
from tests.exports.zoo import EXPORTS, export_path
from tests.gpu.session import Array, Session

pytestmark = pytest.mark.gpu
PLACES, RUNS = 6, 60
_SESSIONS: dict[str, Session] = {}


def session(name: str) -> tuple[Session, list[dict[str, Array]]]:
    """A context of an export, and inputs of the shapes that it can be fed."""
    export = EXPORTS[name]
    feeds = [dict(export.feeds(variant, seed)) for variant in export.variants for seed in range(PLACES)]
    if name not in _SESSIONS:
        shapes = {n: [f[n].shape for f in feeds] for n in feeds[0]}
        spans = {
            n: (tuple(map(min, zip(*s, strict=True))), tuple(map(max, zip(*s, strict=True)))) for n, s in shapes.items()
        }
        profile = Profile({n: (low, high, high) for n, (low, high) in spans.items()})
        _SESSIONS[name] = Session(import_graph(read_model(str(export_path(name)))), default_target(), profile)
    return _SESSIONS[name].another(), feeds


class Place:
    """Memory for the inputs and outputs of one set of inputs."""

    def __init__(self, owner: Session, feeds: dict[str, Array], stream: int) -> None:
        self.owner, self.feeds, self.stream = owner, feeds, stream
        owner.bind(feeds)
        found = owner.executor.run({n: owner.put(n, a, stream) for n, a in feeds.items()}, {}, stream)
        self.shapes = {n: r.shape for n, r in found.items()}
        self.wanted = owner.get(found, stream)
        owner.forget()
        self.inputs = {n: owner.put(n, a, stream) for n, a in feeds.items()}
        _, self.outputs = owner.addresses(feeds, self.shapes)
        owner.forget()

    def run(self) -> None:
        """Put a run on the stream."""
        self.owner.bind(self.feeds)
        self.owner.launch(self.inputs, self.outputs, self.stream)

    def spoil(self) -> None:
        """Fill the outputs with nonsense."""
        for binding in self.owner.plan.outputs:
            nbytes = binding.view.type.dtype.nbytes(int(np.prod(self.shapes[binding.name])))
            dev.fill(dev.Device(0), self.outputs[binding.name], 0xA5, nbytes, self.stream)

    def check(self) -> None:
        """Compare the outputs with those of the first run, bit for bit."""
        for got, want in zip(self.owner.at(self.outputs, self.shapes, self.stream), self.wanted, strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["bert-tiny", "mobilenetv3-tiny"])
@pytest.mark.parametrize("graphs", ["1", "0"])
def test_runs_at_many_places_in_any_order(name: str, graphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both shapes, and more places than graphs are kept for."""
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", graphs)
    stream = dev.Stream(dev.Device(0))
    mine, feeds = session(name)
    places = [Place(mine, f, stream.handle) for f in feeds]
    rng = np.random.default_rng(0)
    for turn in range(RUNS):
        among = places if turn % 20 < 10 else places[:2]  # in turns among many, and among few
        place = among[int(rng.integers(len(among)))]
        place.spoil()
        for _ in range(int(rng.integers(1, 4))):
            place.run()
        place.check()


def test_a_capture_between_runs_keeps_its_own_addresses() -> None:
    stream = dev.Stream(dev.Device(0))
    mine, feeds = session("bert-tiny")
    first, second = Place(mine, feeds[0], stream.handle), Place(mine, feeds[1], stream.handle)
    for place in (first, second, first, second):
        place.run()

    def record(handle: int) -> None:
        mine.bind(first.feeds)
        mine.launch(first.inputs, first.outputs, handle)

    graph = CapturedGraph(dev.Device(0), stream.handle, record)
    for place in (second, first, second):
        place.spoil()
        place.run()
        place.check()
    first.spoil()
    with dev.Device(0).current():
        graph.launch(stream.handle)
    first.check()


MAPS: list[Any] = [
    dev.TiledMap("f16", (64, 128), (128,), (64, 64)),
    dev.TiledMap("bf16", (96, 33, 5), (192, 192 * 33), (64, 32, 1), swizzle=128),
    dev.Im2colMap("f16", (64, 28, 28, 2), (128, 128 * 28, 128 * 28 * 28), (-1, -1), (-1, -1), 64, 128),
]


@pytest.mark.parametrize("number", range(len(MAPS)))
def test_a_moved_tensor_map_is_the_one_encoded_there(number: int) -> None:
    memory = dev.DeviceMemory(dev.Device(0), 1 << 20)
    for offset in (0, 4096, 16, 0, 1 << 16):
        address = memory.address + offset
        wanted = ctypes.string_at(MAPS[number].fresh(address).getPtr(), 128)
        assert MAPS[number].encode(address) == wanted
