"""Loops that are written out: other addresses of inputs and outputs are patched in their launches."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

import minirt as trt
from minirt.runtime import control, executor
from tests.api.nets import Keeper

ROWS, WIDTH = 5, 3


def scan_model(backwards: bool) -> bytes:
    """State, a capture and a scanned input that come from outside; the last state and a scan go outside."""

    def info(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    nodes = [
        helper.make_node("Mul", ["s", "scale"], ["t"]),
        helper.make_node("Add", ["t", "x"], ["after"]),
        helper.make_node("Tanh", ["after"], ["y"]),
    ]
    body = helper.make_graph(
        nodes, "body", [info("s", WIDTH), info("x", WIDTH)], [info("after", WIDTH), info("y", WIDTH)]
    )
    way = [int(backwards)]
    node = helper.make_node(
        "Scan", ["start", "rows"], ["end", "all"], body=body, num_scan_inputs=1,
        scan_input_directions=way, scan_output_directions=way,
    )  # fmt: skip
    given = [info("start", WIDTH), info("rows", ROWS, WIDTH), info("scale", WIDTH)]
    graph = helper.make_graph([node], "scan", given, [info("end", WIDTH), info("all", ROWS, WIDTH)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("backwards", [False, True])
def test_other_addresses_are_patched(backwards: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    written: list[str] = []
    original = control.unrolled

    def counted(*args: Any) -> Any:
        written.append(args[1].label)
        return original(*args)

    monkeypatch.setattr(executor, "unrolled", counted)
    model, logger = scan_model(backwards), Keeper()
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(model)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    session = onnxruntime.InferenceSession(model)
    rng, held = np.random.default_rng(1), []
    shapes = {"start": (WIDTH,), "rows": (ROWS, WIDTH), "scale": (WIDTH,)}
    for turn in range(6):
        feeds = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        if turn % 2:
            found = context.run(feeds)
        else:
            found = {"end": np.empty(WIDTH, np.float32), "all": np.empty((ROWS, WIDTH), np.float32)}
            for name, array in {**feeds, **found}.items():
                assert context.set_tensor_address(name, array.ctypes.data)
            assert context.execute_async_v3(0)
        held.append((feeds, found))
    for feeds, found in held:
        expected = dict(zip(("end", "all"), session.run(None, feeds), strict=True))
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6, err_msg=name)
    assert len(written) == 1
