"""Engines that someone altered and gave the right checksums: no code in them runs, and errors are minirt's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minirt.build.build import build
from minirt.build.load import Loaded, Package
from minirt.build.options import Options, Profile
from minirt.errors import EngineFormatError, MinirtError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.kernels.kernel import Target
from minirt.ops.activation import Relu
from minirt.ops.arithmetic import Add
from minirt.ops.gemm import Gemm
from minirt.ops.reduce import Reduce
from minirt.plan.format import read_sections, write_sections
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor

CPU = Target("cpu")
PLAN = "plan/cpu/0"


@cache
def sections() -> dict[str, bytes]:
    """The sections of an engine of a product, a region and a sum."""
    rng = np.random.default_rng(0)
    x = apply(Input("x", Tensor(f32, (symbol("N"), 24))))
    hidden = apply(Relu(), apply(Add(), apply(Gemm(), x, constant(rng.normal(size=(24, 10)), f32)), constant(1.0, f32)))
    again = apply(Gemm(), apply(Reduce("sum", (1,)), hidden), constant(rng.normal(size=(1, 3)), f32))
    sizes = Profile({"x": ((1, 24), (4, 24), (33, 24))})
    data = build(Graph("g", [x], [hidden, again], ["y", "z"]), Options((CPU,), (sizes,)))
    return {k: bytes(v) for k, v in read_sections(data).items()}


def load(plan: Any) -> Loaded:
    """The engine, with another plan."""
    return Loaded(Package(write_sections({**sections(), PLAN: json.dumps(plan).encode()})), CPU)


def places(data: Any, inside: str = "") -> Iterator[tuple[Any, Any]]:
    """Every place of the JSON that holds one value, or only those inside of parts of a kind."""
    items = list(data.items()) if isinstance(data, dict) else list(enumerate(data)) if isinstance(data, list) else []
    for key, held in items:
        if isinstance(held, dict | list):
            yield from places(held, "" if key == inside else inside)
        elif not inside:
            yield data, key


def parts(data: Any, kind: str) -> Iterator[Any]:
    """The fields of every part of a kind."""
    for key, held in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(held, dict | list):
            if key == kind:
                yield held
            yield from parts(held, kind)


@pytest.mark.parametrize("text", ["{0}", "1\n{0}\n", "1; {0}", "0)\n{0}\n(0", "'\n{0}\n'"])
def test_text_for_a_kernel_is_never_code(text: str, tmp_path: Path) -> None:
    """Sources are printed from the parameters of kernels, and run to be compiled."""
    plan, mark = json.loads(sections()[PLAN]), tmp_path / "ran"
    wanted = text.format(f"open({str(mark)!r}, 'w')")
    for place, key in list(places(plan, "Unit")):
        place[key], before = wanted, place[key]
        with pytest.raises(EngineFormatError):
            load(plan)
        place[key] = before
    assert not mark.exists()
    load(plan)


@pytest.mark.parametrize("value", [None, True, -1, 10**30, 1.5, "", "word", [], {}, {"d": "N"}, [[[]]]])
def test_any_value_in_any_place(value: Any) -> None:
    """What is not refused loads: nothing but minirt's own errors comes out."""
    plan, refused = json.loads(sections()[PLAN]), 0
    everywhere = list(places(plan))
    for place, key in everywhere[:: max(1, len(everywhere) // 60)]:
        place[key], before = value, place[key]
        try:
            load(plan)
        except MinirtError:
            refused += 1
        place[key] = before
    assert refused > 20


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("Address", 1, 99), ("Address", 1, -1), ("Address", 0, "out"), ("Address", 2, -8), ("Address", 2, 1 << 40),
     ("View", 0, -1), ("View", 3, []), ("Buffer", 0, "mine"), ("Buffer", 4, 7), ("Buffer", 2, -256),
     ("KernelStep", 4, 1 << 40), ("KernelStep", 1, []), ("Plan", 6, 0)],
)  # fmt: skip
def test_parts_that_name_what_is_not_there(kind: str, field: int, value: Any) -> None:
    plan = json.loads(sections()[PLAN])
    found = list(parts(plan, kind))
    if (kind, field) == ("Buffer", 2):
        found = [b for b in found if b[0] == "arena"]
    found[0][field] = value
    with pytest.raises(EngineFormatError, match="plan is damaged"):
        load(plan)
