"""Compiles what a plan launches, for its target."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import minirt.kernels
from minirt.errors import CompileError
from minirt.kernels.cpu.compile import addresses
from minirt.kernels.cuda.compile import Compiled, compile_many, default_store
from minirt.kernels.cuda.user_kernel import UserImage
from minirt.kernels.families import KERNELS
from minirt.kernels.kernel import Target
from minirt.plan.launch import Unit
from minirt.plan.plan import IfStep, KernelStep, LoopStep, Plan

Progress = Callable[[int, int], None]


def launched(plan: Plan) -> Iterator[tuple[Unit, int]]:
    """Every unit that the plan or its sub-plans launch, with the shared memory it asks for."""
    for step in plan.steps:
        if isinstance(step, KernelStep):
            for choice in step.choices:
                for launch in choice.launches:
                    yield launch.unit, launch.shared
        elif isinstance(step, IfStep):
            yield from launched(step.then)
            yield from launched(step.otherwise)
        elif isinstance(step, LoopStep):
            yield from launched(step.body)


def compile_units(plans: list[Plan], target: Target, progress: Progress | None = None) -> dict[Unit, Any]:
    """What each unit compiles to: a native address (CPU), or a cubin and its entry's name (CUDA).

    Raises CompileError naming the first kernel that does not compile.
    """
    units = list(dict.fromkeys(u for p in plans for u, _ in launched(p)))
    sources = [KERNELS[u.kernel].source(u.spec, target) for u in units]
    if target.kind == "cpu":
        return dict(zip(units, addresses(sources, progress), strict=True))
    pairs = list(zip(units, sources, strict=True))
    out: dict[Unit, Any] = {u: (s.image, s.entry) for u, s in pairs if isinstance(s, UserImage)}
    texts = [(u, s) for u, s in pairs if not isinstance(s, UserImage)]
    compiled = compile_many([s for _, s in texts], target.arch, default_store())
    for (unit, source), made in zip(texts, compiled, strict=True):
        if isinstance(made, CompileError):
            raise made
        assert isinstance(made, Compiled)
        out[unit] = (made.cubin, source.entry)
    return out


@lru_cache(maxsize=1)
def kernel_version() -> str:
    """A hash of the package's kernel sources: a plan made with other ones is lowered anew."""
    root = Path(minirt.kernels.__file__).parent
    hasher = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".cuh", ".cu")):
        hasher.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return hasher.hexdigest()[:16]
