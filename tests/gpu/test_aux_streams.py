"""Branches on auxiliary streams give what one stream gives, bit for bit, on a device."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.runtime import device as dev

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch has no CUDA here"),
]
SIZES, WIDTH, BRANCHES = (640, 7, 2048, 33), 256, 4
ROUNDS = 25


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is one of plain launches."""
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", "0")


def engine_of(streams: int) -> Any:
    """The engine of chains of unlike length and work, of one input, that meet at the end and half way."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    x, none = net.add_input("x", trt.float32, (-1, WIDTH)), trt.MatrixOperation.NONE
    rng = np.random.default_rng(5)
    ends = []
    for branch in range(BRANCHES):
        y = x
        for layer in range(2 + branch):
            w = (rng.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32)
            y = net.add_matrix_multiply(y, none, net.add_constant(w.shape, w).get_output(0), none).get_output(0)
            soft = net.add_softmax(y)
            soft.axes = 1 << (layer % 2)
            y = net.add_elementwise(soft.get_output(0), y, trt.ElementWiseOperation.SUM).get_output(0)
        ends.append(y)
        if branch == 1:
            x = net.add_elementwise(ends[0], ends[1], trt.ElementWiseOperation.SUM).get_output(0)
    total = ends[0]
    for y in ends[1:]:
        total = net.add_elementwise(total, y, trt.ElementWiseOperation.SUM).get_output(0)
    for name, found in (("y", total), ("z", ends[2])):
        last = net.add_activation(found, trt.ActivationType.TANH).get_output(0)
        last.name = name
        net.mark_output(last)
    config = builder.create_builder_config()
    config.max_aux_streams = streams
    config.builder_optimization_level = 1
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, WIDTH), (640, WIDTH), (2048, WIDTH))
    config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config)


class Runs:
    """A context, and runs of it on new numbers."""

    def __init__(self, engine: Any, streams: Any = ()) -> None:
        self.context = engine.create_execution_context()
        self.stream = torch.cuda.Stream()
        if streams:
            self.context.set_aux_streams(streams)

    def __call__(self, rows: int, seed: int) -> Any:
        with torch.cuda.stream(self.stream):
            generator = torch.Generator("cuda").manual_seed(seed)
            x = torch.randn(rows, WIDTH, device="cuda", generator=generator)
            y, z = torch.full((rows, WIDTH), -9.0, device="cuda"), torch.full((rows, WIDTH), -9.0, device="cuda")
            assert self.context.set_input_shape("x", (rows, WIDTH))
            for name, tensor in (("x", x), ("y", y), ("z", z)):
                assert self.context.set_tensor_address(name, tensor.data_ptr())
            assert self.context.execute_async_v3(self.stream.cuda_stream)
            both = torch.stack([y, z])  # on the same stream, so after the run
        self.stream.synchronize()
        return both.cpu().numpy()


def references(count: int) -> dict[tuple[int, int], Any]:
    """What one stream gives."""
    one = Runs(engine_of(0))
    return {(rows, seed): one(rows, seed) for rows in SIZES for seed in range(count)}


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("lent", [False, True])
def test_bit_for_bit(streams: int, lent: bool) -> None:
    wanted = references(3)
    engine = engine_of(streams)
    assert 1 <= engine.num_aux_streams <= streams
    runs = Runs(engine, [torch.cuda.Stream().cuda_stream] if lent else ())
    for round in range(ROUNDS):
        for (rows, seed), want in wanted.items():
            np.testing.assert_array_equal(runs(rows, seed), want, f"round {round}, {rows} rows")


def test_two_contexts_at_once() -> None:
    wanted, engine = references(2), engine_of(3)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            runs = Runs(engine)
            for _ in range(ROUNDS):
                for (rows, seed), want in wanted.items():
                    np.testing.assert_array_equal(runs(rows, seed), want)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def test_branches_of_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of several streams, in the engine's own graph: in a row, and each launch after those it must wait for."""
    wanted = references(2)
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", "1")
    for branches in ("0", "1"):
        monkeypatch.setenv("MINIRT_BRANCHES", branches)
        runs = Runs(engine_of(3))
        for _ in range(ROUNDS):
            for (rows, seed), want in wanted.items():
                np.testing.assert_array_equal(runs(rows, seed), want)


def test_launches_set_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = references(2)
    monkeypatch.setenv("MINIRT_OVERLAP", "1")
    runs = Runs(engine_of(3))
    for _ in range(ROUNDS):
        for (rows, seed), want in wanted.items():
            np.testing.assert_array_equal(runs(rows, seed), want)


def test_the_callers_graph_has_the_branches() -> None:
    """Captured streams that fork become a graph whose nodes wait for less than all before them."""
    wanted = references(1)
    runs = Runs(engine_of(3))
    x, y, z = (torch.empty(640, WIDTH, device="cuda") for _ in range(3))
    runs(640, 0)
    for name, tensor in (("x", x), ("y", y), ("z", z)):
        assert runs.context.set_tensor_address(name, tensor.data_ptr())
    assert runs.context.set_input_shape("x", (640, WIDTH))
    graph = dev.CapturedGraph(dev.Device(0), runs.stream.cuda_stream, runs.context.execute_async_v3)
    generator = torch.Generator("cuda").manual_seed(0)
    x.copy_(torch.randn(640, WIDTH, device="cuda", generator=generator))
    torch.cuda.synchronize()
    for _ in range(ROUNDS):
        y.fill_(-9), z.fill_(-9)
        torch.cuda.synchronize()
        graph.launch(runs.stream.cuda_stream)
        torch.cuda.synchronize()
        np.testing.assert_array_equal(torch.stack([y, z]).cpu().numpy(), wanted[640, 0])


def test_ranges_do_no_harm() -> None:
    wanted = references(1)
    runs = Runs(engine_of(3))
    for verbosity in (trt.ProfilingVerbosity.LAYER_NAMES_ONLY, trt.ProfilingVerbosity.NONE):
        runs.context.nvtx_verbosity = verbosity
        for (rows, seed), want in wanted.items():
            np.testing.assert_array_equal(runs(rows, seed), want)
