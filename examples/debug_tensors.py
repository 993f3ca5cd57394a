"""A look at tensors inside an engine while it runs: debug tensors and a listener."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, host, view


class Ranges(trt.IDebugListener):
    """Keeps what passes by."""

    def __init__(self) -> None:
        trt.IDebugListener.__init__(self)
        self.seen: dict[str, Any] = {}

    def process_debug_tensor(self, addr: int, location: Any, type: Any, shape: Any, name: str, stream: int) -> bool:
        """Copy one tensor: its memory is valid in this call only."""
        kind = trt.nptype(type)
        if location == trt.TensorLocation.DEVICE and ON_GPU:
            self.seen[name] = host(view(addr, shape, kind))
        else:
            self.seen[name] = np.array(view(addr, shape, kind))
        return True


def main() -> None:
    """Mark two tensors, watch one, then both."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (2, 5))
    names = ("exponent", "root")
    for name, operation in zip(names, (trt.UnaryOperation.EXP, trt.UnaryOperation.SQRT), strict=True):
        x = network.add_unary(x, operation).get_output(0)
        x.name = name
        assert network.mark_debug(x)
    out = network.add_unary(x, trt.UnaryOperation.NEG).get_output(0)
    out.name = "y"
    network.mark_output(out)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    assert all(engine.is_debug_tensor(name) for name in names)
    context, listener = engine.create_execution_context(), Ranges()
    assert context.set_debug_listener(listener)
    a = np.random.default_rng(15).normal(size=(2, 5)).astype(np.float32)
    context.run({"x": a})
    assert not listener.seen, "nothing is watched until it is switched on"
    assert context.set_tensor_debug_state("exponent", True)
    context.run({"x": a})
    assert list(listener.seen) == ["exponent"]
    assert context.set_all_tensors_debug_state(True)
    got = context.run({"x": a})["y"]
    np.testing.assert_allclose(listener.seen["exponent"], np.exp(a), rtol=1e-5)
    np.testing.assert_allclose(listener.seen["root"], np.exp(a / 2), rtol=1e-5)
    np.testing.assert_allclose(got, -np.exp(a / 2), rtol=1e-5)
    for name, array in listener.seen.items():
        print(f"{name}: {array.min():.3f} to {array.max():.3f}")


if __name__ == "__main__":
    main()
