"""Launches set up early, and branches that run at once, give what launches one after the other give, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.build.options import Profile
from minirt.build.targets import default_target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime import device as dev
from tests.exports.zoo import EXPORTS, export_path
from tests.gpu.session import Array, Session

pytestmark = pytest.mark.gpu
NAMES = ("bert-tiny", "gpt2-tiny", "mobilenetv3-tiny", "unet-tiny", "vit-tiny")
ROUNDS = 30


def runs(session: Session, feeds: dict[str, Array], stream: int) -> list[list[Array]]:
    """The outputs of runs back to back: from the second on a graph."""
    shapes = {n: r.shape for n, r in session.start(feeds, stream).items()}
    return [session.run_into(feeds, shapes, stream) for _ in range(ROUNDS)]


@pytest.mark.parametrize(
    "variables",
    [{}, {"OVERLAP": "1"}, {"BRANCHES": "1"}, {"OVERLAP": "1", "BRANCHES": "1"}, {"OVERLAP": "1", "CUDA_GRAPH": "0"}],
    ids=lambda v: "+".join(f"{n}={x}" for n, x in v.items()) or "by default",
)
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_do_not_change(name: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    feeds = dict(EXPORTS[name].feeds())
    fixed = Profile({n: (a.shape, a.shape, a.shape) for n, a in feeds.items()})
    monkeypatch.setenv("MINIRT_OVERLAP", "0")
    monkeypatch.setenv("MINIRT_BRANCHES", "0")
    session = Session(import_graph(read_model(str(export_path(name)))), default_target(), fixed)
    stream = dev.Stream(dev.Device(0))
    (want, *_) = runs(session, feeds, stream.handle)
    monkeypatch.delenv("MINIRT_OVERLAP")
    monkeypatch.delenv("MINIRT_BRANCHES")
    for variable, value in variables.items():
        monkeypatch.setenv(f"MINIRT_{variable}", value)
    for found in runs(session.another(), feeds, stream.handle):
        for a, b in zip(found, want, strict=True):
            np.testing.assert_array_equal(a, b)
