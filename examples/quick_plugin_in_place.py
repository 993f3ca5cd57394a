"""Aliased I/O: a quick plugin that adds to its first input in place, and whose output is that memory."""

from __future__ import annotations

import numpy as np

import minirt as trt
import minirt.plugin as trtp
from examples.device import ON_GPU, xp


@trtp.register("examples::scatter_add")
def scatter_add_desc(table: trtp.TensorDesc, rows: trtp.TensorDesc, values: trtp.TensorDesc) -> trtp.TensorDesc:
    """Say what comes out: the table itself."""
    return table.aliased()


@trtp.impl("examples::scatter_add")
def scatter_add(
    table: trtp.Tensor, rows: trtp.Tensor, values: trtp.Tensor, outputs: tuple[trtp.Tensor], stream: int
) -> None:
    """Add each value to its row; rows may repeat."""
    assert outputs[0].data_ptr == table.data_ptr
    with xp.cuda.ExternalStream(stream) if ON_GPU else np.errstate():
        xp.add.at(xp.asarray(table), xp.asarray(rows), xp.asarray(values))


def main() -> None:
    """Build, run, compare with numpy.add.at."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    config = builder.create_builder_config()
    config.set_preview_feature(trt.PreviewFeature.ALIASED_PLUGIN_IO_10_03, True)
    table = network.add_input("table", trt.float32, (5, 2))
    rows = network.add_input("rows", trt.int32, (4,))
    values = network.add_input("values", trt.float32, (4, 2))
    out = network.add_plugin(trtp.op.examples.scatter_add(table, rows, values)).get_output(0)
    out.name = "y"
    network.mark_output(out)
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    rng = np.random.default_rng(13)
    t, v = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 2), (4, 2)))
    r = np.array([1, 1, 4, 0], np.int32)
    wanted = t.copy()
    np.add.at(wanted, r, v)
    np.testing.assert_allclose(context.run({"table": t.copy(), "rows": r, "values": v})["y"], wanted, rtol=1e-6)
    print("added in place")


if __name__ == "__main__":
    main()
