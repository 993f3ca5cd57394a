"""How plans run: control flow, sizes that only the data tells, addresses, empty sizes, threads; on both targets."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from minirt.build.options import Profile
from minirt.build.targets import default_target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime import device as dev
from tests.gpu.session import Array, Session

HEAD = '<ir_version: 10, opset_import: ["": 20]>\n'
CHAIN = (
    HEAD
    + """chain (float[N, 37] x) => (float[N, 37] y, float[N] z) {
  a = Softmax (x)
  b = Transpose <perm = [1, 0]> (a)
  axes = Constant <value_ints = [0]> ()
  s = CumSum (b, axis)
  c = Mul (s, b)
  d = ReduceMean <keepdims = 1> (c, axes)
  e = Sub (c, d)
  y = Transpose <perm = [1, 0]> (e)
  ones = Constant <value_ints = [1]> ()
  z = ReduceMax <keepdims = 0> (y, ones)
}"""
).replace("s = CumSum (b, axis)", "s = Exp (b)")
BRANCH = (
    HEAD
    + """branch (float[N, 5] x, bool flag) => (float[N, 5] y) {
  t = Relu (x)
  u = If (flag) <
    then_branch = yes () => (float[N, 5] p) { p = Add (t, x) },
    else_branch = no () => (float[N, 5] q) { q = Softmax (t) }
  >
  y = Neg (u)
}"""
)
LOOP = (
    HEAD
    + """repeat (float[3, W] x, int64 n) => (float[3, W] last, float[K, 3, W] seen) {
  yes = Constant <value = bool {1}> ()
  start = Relu (x)
  last, seen = Loop (n, yes, start) <body = step (int64 i, bool go, float[3, W] s)
    => (bool on, float[3, W] after, float[3, W] scan) {
    on = Identity (go)
    after = Add (s, x)
    scan = Mul (after, after)
  }>
}"""
)
COUNTED = LOOP.replace(", int64 n)", ")").replace("yes =", "n = Constant <value = int64 {5}> ()\n  yes =")
FOUND = (
    HEAD
    + """found (float[N, 4] x) => (int64[2, K] where, float[K] twice) {
  p = Relu (x)
  where = NonZero (p)
  i = Transpose <perm = [1, 0]> (where)
  picked = GatherND (p, i)
  twice = Add (picked, picked)
}"""
)
TARGETS = [pytest.param("cpu"), pytest.param("", id="cuda", marks=pytest.mark.gpu)]
Feeds = dict[str, Any]


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The CPU, and the first device where there is one."""
    monkeypatch.setenv("MINIRT_TARGET", request.param)
    return default_target().kind


def session(text: str, *profiles: Profile) -> tuple[Session, onnxruntime.InferenceSession]:
    """The model on the target, and in onnxruntime."""
    model = onnx.parser.parse_model(text)
    reference = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return Session(import_graph(read_model(model.SerializeToString())), default_target(), *profiles), reference


def same(found: list[Array], wanted: list[Any]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_branches(target: str) -> None:
    mine, reference = session(BRANCH)
    for round in range(4):
        feeds = {"x": numbers(3 + round % 2, 5, seed=round), "flag": np.array(round < 2)}
        same(mine.run(feeds), reference.run(None, feeds))


@pytest.mark.parametrize("text", [LOOP, COUNTED], ids=["given", "counted"])
@pytest.mark.parametrize("width", [4, 7])
def test_loops(target: str, text: str, width: int) -> None:
    mine, reference = session(text)
    for round, trips in enumerate((5, 3, 0, 3, 6)):
        feeds: Feeds = {"x": numbers(3, width, seed=round)}
        if text is LOOP:
            feeds["n"] = np.array(trips)
        wanted = reference.run(None, feeds)
        if text is LOOP and not trips:
            wanted[1] = np.empty((0, 3, width), np.float32)  # onnxruntime gives unnamed sizes as 0 then
        same(mine.run(feeds), wanted)
        mine.forget()  # the next run finds its inputs elsewhere
        if text is COUNTED:
            shapes = {b.name: np.shape(w) for b, w in zip(mine.plan.outputs, wanted, strict=True)}
            same(mine.run_into(feeds, shapes), wanted)


def test_sizes_that_only_the_data_tells(target: str) -> None:
    mine, reference = session(FOUND)
    for round in range(4):
        feeds = {"x": numbers(5, 4, seed=round % 3) - (9 if round == 2 else 0)}
        same(mine.run(feeds), reference.run(None, feeds))


def test_empty_and_changing_sizes(target: str) -> None:
    mine, reference = session(CHAIN)
    for rows in (3, 1, 5, 3, 3, 0, 1, 1, *range(6, 16), 3):
        feeds = {"x": numbers(rows, 37, seed=rows)}
        if rows:
            same(mine.run(feeds), reference.run(None, feeds))
        else:
            assert [a.shape for a in mine.run(feeds)] == [(0, 37), (0,)]


def test_a_buffer_may_start_anywhere(target: str) -> None:
    mine, reference = session(CHAIN)
    feeds = {"x": numbers(6, 37)}
    wanted = reference.run(None, feeds)
    mine.bind(feeds)
    backend = mine.executor.backend
    for shift in (4, 0, 8, 4):
        room = {n: backend.allocate(6 * 37 * 4 + 16) for n in ("x", "y", "z")}
        at = {n: m.address + shift for n, m in room.items()}
        backend.write(at["x"], feeds["x"], 0)
        mine.launch({"x": at["x"]}, {"y": at["y"], "z": at["z"]}, 0)
        same(mine.at(at, {"y": (6, 37), "z": (6,)}), wanted)


def test_threads_use_a_context_each(target: str) -> None:
    mine, reference = session(CHAIN)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            context = mine.another()
            stream = dev.Stream(dev.Device(0)) if target == "cuda" else None
            for round in range(10):
                feeds = {"x": numbers(4 + round % 2, 37, seed=100 * number + round)}
                found = context.run(feeds, stream.handle if stream else 0)
                same(found, reference.run(None, feeds))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


@pytest.mark.gpu
@pytest.mark.parametrize("wanted", [True, False])
def test_a_graph_takes_over_at_the_second_run(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not wanted:
        monkeypatch.setenv("MINIRT_CUDA_GRAPH", "0")
    mine, reference = session(CHAIN)
    for round in range(4):
        feeds = {"x": numbers(3, 37, seed=round)}
        same(mine.run(feeds), reference.run(None, feeds))
        segments = [s for _, s in mine.executor.frame.segments.values()]
        assert segments and all(isinstance(s, dev.CudaSegment) for s in segments)
        assert [s.has_graph for s in segments] == [wanted and round > 0] * len(segments)  # type: ignore[attr-defined]
    times = segments[0].profile(0)  # type: ignore[attr-defined]
    assert len(times) > 2 and all(0 < t < 1e4 for _, _, t in times)
