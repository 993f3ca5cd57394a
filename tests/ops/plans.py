"""What a graph becomes on each target, without running it."""

from __future__ import annotations

from collections.abc import Iterator

from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.targets import target_of
from minirt.ir.graph import Graph
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.kernel import KERNELS, Target
from minirt.plan.launch import Unit
from minirt.plan.plan import HostStep, IfStep, KernelStep, LoopStep, Plan

TARGETS = ("cpu", "cuda:sm_80", "cuda:sm_90a")


def target_named(name: str) -> Target:
    """A target with the numbers of a large GPU."""
    return target_of(name) if name == "cpu" else Target(name, 132, 160 << 10)


def plan_for(graph: Graph, name: str) -> Plan:
    """The graph's plan for the target of that name."""
    target = target_named(name)
    return lower(optimize(graph), target, Options((target,)), 0).run()


def _plans(plan: Plan) -> Iterator[Plan]:
    yield plan
    for step in plan.steps:
        if isinstance(step, IfStep):
            yield from (*_plans(step.then), *_plans(step.otherwise))
        elif isinstance(step, LoopStep):
            yield from _plans(step.body)


def host_steps(plan: Plan) -> list[str]:
    """The labels of nodes that run as their NumPy reference."""
    return [s.label for p in _plans(plan) for s in p.steps if isinstance(s, HostStep)]


def units(plan: Plan) -> list[Unit]:
    """What the plan's kernels are compiled from."""
    found = [
        launch.unit
        for p in _plans(plan)
        for s in p.steps
        if isinstance(s, KernelStep)
        for choice in s.choices
        for launch in choice.launches
    ]
    return list(dict.fromkeys(found))


def cuda_sources(plan: Plan, name: str) -> list[CudaSource]:
    """The plan's CUDA kernels as text."""
    return [KERNELS[unit.kernel].source(unit.spec, target_named(name)) for unit in units(plan)]
