"""Launches that may be set up early: the kernel waits for the one before it, first of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.targets import target_of
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.families import KERNELS
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import KernelStep

DATA = Path(__file__).parents[2] / "data"
TARGET = target_of("cuda:sm_90a")


@pytest.mark.parametrize("name", ["bert-tiny", "gpt2-tiny", "mobilenetv3-tiny", "unet-tiny", "vit-tiny"])
@pytest.mark.parametrize("permitted", [(), ("f16",)])
def test_kernels_that_follow_wait_first(name: str, permitted: tuple[str, ...]) -> None:
    graph = optimize(import_graph(read_model(str(DATA / f"{name}.onnx"))))
    plan = lower(graph, TARGET, Options((TARGET,), permitted=permitted)).run()
    launches = {x.unit: x for s in plan.steps if isinstance(s, KernelStep) for c in s.choices for x in c.launches}
    assert launches and all(x.follows for x in launches.values())
    for unit in launches:
        source = KERNELS[unit.kernel].source(unit.spec, TARGET)
        assert isinstance(source, CudaSource)
        inside = source.text.partition('extern "C" __global__')[2].partition("{")[2]
        assert source.text.count("griddepcontrol.wait") == 1
        if unit.spec.get("method") not in ("wgmma", "gemv"):  # which first fetch constants
            assert inside.index("griddepcontrol.wait") < 200
