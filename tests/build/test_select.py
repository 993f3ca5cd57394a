"""Choosing kernels: copies of views read them as they lie."""

from __future__ import annotations

import numpy as np

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.targets import target_of
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Reshape, Transpose
from minirt.plan.launch import Integer
from minirt.plan.plan import KernelStep
from minirt.types.dim import symbol
from minirt.types.dtype import f16, f32
from minirt.types.tensor import Tensor


def test_a_copy_of_a_view_whose_layout_is_not_its_order_in_memory() -> None:
    """Channels-last inside, split channels outside: [N, 2C, T] read as [N, T, C, 2] lies in order already."""
    x = apply(Input("x", Tensor(f32, (1, 1, 128))))
    weight = constant(np.ones((18, 1, 16), np.float32))
    conv = apply(Conv((8,), (0, 0), (1,), 1), x, weight)
    out = apply(Transpose((0, 3, 1, 2)), apply(Reshape((1, 9, 2, 15)), conv))
    target = target_of("cuda:sm_90")
    graph = optimize(Graph("frames", [x], [out], ["y"]))
    *_, last = lower(graph, target, Options((target,))).run().steps
    assert isinstance(last, KernelStep)
    (view,), (launch,) = last.reads, last.choices[0].launches
    sizes = [a.value for a in launch.args if isinstance(a, Integer)]
    assert view.strides[1:] == (18, 2, 1)
    assert last.choices[0].kernel != "MapTiled" and 15 not in sizes[1:], sizes


def test_tactics_within_the_limit_of_scratch_memory() -> None:
    """A long product is split over blocks, through scratch memory, where there may be some."""
    target = target_of("cuda:sm_90")
    x = apply(Input("x", Tensor(f32, (16, 1 << 16))))
    product = apply(Gemm(), x, constant(np.ones((1 << 16, 64), np.float32)))
    graph = optimize(Graph("long", [x], [product], ["y"]))
    plans = [lower(graph, target, Options((target,), tf32=False, workspace=limit)).run() for limit in (0, 1)]
    assert plans[0].arena > 0
    assert plans[1].arena == 0
    assert all(isinstance(step, KernelStep) for plan in plans for step in plan.steps)


def test_tactics_within_the_limit_of_shared_memory() -> None:
    """A product of half precision stages less in shared memory where it may have less."""
    target = target_of("cuda:sm_90")
    x = apply(Input("x", Tensor(f16, (512, 512))))
    product = apply(Gemm(), x, constant(np.ones((512, 512), np.float16)))
    graph = optimize(Graph("square", [x], [product], ["y"]))
    most = []
    for limit in (0, 40 << 10):
        plan = lower(graph, target, Options((target,), shared=limit)).run()
        steps = [step for step in plan.steps if isinstance(step, KernelStep)]
        assert len(steps) == len(plan.steps)
        most.append(max(launch.shared for step in steps for launch in step.choices[0].launches))
    assert most[0] > 40 << 10 >= most[1]


def test_windows_of_an_image_whose_batch_is_not_known_are_copied_for_their_product() -> None:
    """[N, rows, 7, columns, 7, C] seen as windows has more batch axes than products on a GPU take."""
    x = apply(Input("x", Tensor(f32, (symbol("n"), 8, 7, 8, 7, 64))))
    windows = apply(Transpose((0, 1, 3, 2, 4, 5)), x)
    product = apply(Gemm(), windows, constant(np.ones((64, 192), np.float32)))
    graph = optimize(Graph("windows", [x], [product], ["y"]))
    for name in ("cuda:sm_80", "cuda:sm_90a"):
        target = target_of(name)
        steps = lower(graph, target, Options((target,), (Profile({"x": ((1, 8, 7, 8, 7, 64),) * 3}),))).run().steps
        assert all(isinstance(step, KernelStep) for step in steps)
        steps = lower(graph, target, Options((target,))).run().steps
        assert [type(step) for step in steps] == [KernelStep, KernelStep]
