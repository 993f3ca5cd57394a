"""How long each layer of an engine takes: a profiler that adds up times over runs."""

from __future__ import annotations

from collections import Counter

import numpy as np

import minirt as trt


class Times(trt.IProfiler):
    """Adds up milliseconds by layer."""

    def __init__(self) -> None:
        trt.IProfiler.__init__(self)
        self.total: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Hear a time."""
        self.total[layer_name] += ms  # type: ignore[assignment]
        self.calls[layer_name] += 1


def main() -> None:
    """Run ten times, print the times, longest first."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = a = network.add_input("x", trt.float32, (256, 256))
    for i, kind in enumerate((trt.ActivationType.TANH, trt.ActivationType.SIGMOID)):
        none = trt.MatrixOperation.NONE
        product = network.add_matrix_multiply(x, none, a, none)
        product.name = f"product{i}"
        x = network.add_activation(product.get_output(0), kind).get_output(0)
    soft = network.add_softmax(x)
    soft.name, soft.get_output(0).name = "softmax", "y"
    network.mark_output(soft.get_output(0))
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    context = engine.create_execution_context()
    context.profiler = times = Times()
    value = np.random.default_rng(7).normal(size=(256, 256)).astype(np.float32) / 16
    for _ in range(10):
        got = context.run({"x": value})["y"]
    hidden = 1 / (1 + np.exp(-np.tanh(value @ value) @ value))
    e = np.exp(hidden)
    np.testing.assert_allclose(got, e / e.sum(0), atol=1e-5)
    for name, ms in times.total.most_common():
        print(f"{ms / times.calls[name]:8.4f} ms  {name}")
    assert len(times.total) == engine.num_layers
    assert set(times.calls.values()) == {10}
    assert all(ms > 0 for ms in times.total.values())


if __name__ == "__main__":
    main()
