"""A quick plugin whose kernel is compiled while the engine is built, and runs without Python; NumPy on the CPU."""

from __future__ import annotations

import importlib

import numpy as np

import minirt as trt
import minirt.plugin as trtp
from examples.device import ON_GPU

THREADS = 128


@trtp.register("examples::axpy")
def axpy_desc(x: trtp.TensorDesc, y: trtp.TensorDesc, factor: float) -> trtp.TensorDesc:
    """Say what comes out: something like what comes in."""
    return x.like()


@trtp.impl("examples::axpy")
def axpy(x: trtp.Tensor, y: trtp.Tensor, factor: float, outputs: tuple[trtp.Tensor], stream: int) -> None:
    """Compute factor * x + y on the host."""
    np.asarray(outputs[0])[...] = factor * np.asarray(x) + np.asarray(y)


@trtp.aot_impl("examples::axpy")
def axpy_ahead(
    x: trtp.TensorDesc, y: trtp.TensorDesc, factor: float, outputs: tuple[trtp.TensorDesc], tactic: int
) -> tuple[str, bytes, trtp.KernelLaunchParams, trtp.SymExprs]:
    """Return the kernel's name and PTX, how many blocks it takes, and its argument between inputs and outputs."""
    count = x.shape_expr.numel()
    params = trtp.KernelLaunchParams()
    params.grid_x, params.block_x = trtp.cdiv(count, THREADS), THREADS
    extra = trtp.SymIntExprs(1)
    extra[0] = trtp.SymInt32(count)
    return "axpy", importlib.import_module("examples.kernels.ahead").axpy_ptx(factor), params, extra


def main() -> None:
    """Build on the kernel where there is a GPU, save, load, run at several shapes."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x, y = (network.add_input(name, trt.float32, (-1, 50)) for name in "xy")
    out = network.add_plugin(trtp.op.examples.axpy(x, y, factor=-1.5), aot=ON_GPU).get_output(0)
    out.name = "out"
    network.mark_output(out)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for name in "xy":
        profile.set_shape(name, (1, 50), (4, 50), (16, 50))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for rows in (1, 16, 16):
        a, b = np.random.default_rng(rows).normal(size=(2, rows, 50)).astype(np.float32)
        np.testing.assert_allclose(context.run({"x": a, "y": b})["out"], -1.5 * a + b, rtol=1e-6, atol=1e-6)
    print("right,", "by the kernel in the engine" if ON_GPU else "on the host")


if __name__ == "__main__":
    main()
