"""The lists of docs/support.md are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from minirt.ir.op import Op
from minirt.kernels.families import KERNELS
from minirt.ops.nvidia.registry import PLUGINS
from minirt.parsers.onnx.registry import IMPORTERS
from tests.exports.zoo import EXPORTS
from tests.models import light, zoo

PAGE = (Path(__file__).parents[2] / "docs" / "support.md").read_text()
NO_WORK = {"Accumulates", "After", "Constant", "If", "Loop", "Parameter", "Raise", "UserCall", "Weights"}
"""A base class, what the plan itself does, and plugins, which it calls."""


def between(start: str, end: str) -> str:
    """Return what the page says after one line, up to another."""
    found = re.search(rf"^{re.escape(start)}(.*?)^{re.escape(end)}", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page has no {start!r} before {end!r}"
    return found[1]


def named(text: str) -> list[str]:
    """Return the words in backticks."""
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize(
    ("domain", "start", "end"),
    [
        ("", "In the default domain", "And of `com.microsoft`:"),
        ("com.microsoft", "And of `com.microsoft`:", "Of `ai.onnx.ml`"),
        ("ai.onnx.ml", "Of `ai.onnx.ml`, for numbers", "Of `ai.onnx.preview.training`:"),
        ("ai.onnx.preview.training", "Of `ai.onnx.preview.training`:", "By their definitions"),
    ],
)
def test_operators_are_those_with_importers(domain: str, start: str, end: str) -> None:
    """Each operator with an importer is listed, in order, and no other; plugins of TensorRT are listed elsewhere."""
    listed = [name for name in named(between(start, end)) if "/" not in name]
    assert listed == sorted(name for where, name in IMPORTERS if where == domain and name not in PLUGINS)


def test_plugins_of_tensorrt_are_listed() -> None:
    """The registry's first creators are those that the page names."""
    text = between("**TensorRT's own plugins.**", "scripts and as nodes")
    assert sorted(named(text)) == sorted(PLUGINS)


def test_the_other_operators_of_onnx_are_functions_or_refused() -> None:
    """An operator without an importer is written out by its definition, or the page says that there is none."""
    functions = named(between("By their definitions", "The node cases"))
    refused = named(between("- no importer:", "- "))
    known: dict[str, Any] = {schema.name: schema for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    left = sorted(known.keys() - {name for domain, name in IMPORTERS if domain == ""})
    defined = [n for n in left if known[n].has_function or known[n].has_context_dependent_function]
    assert functions == defined
    assert set(refused) >= set(left) - set(defined)
    assert not set(refused) & ({name for _, name in IMPORTERS} | set(functions))


def _ops(base: type[Op] = Op) -> Iterator[type[Op]]:
    for op in base.__subclasses__():
        if op.__module__.startswith("minirt."):
            yield op
        yield from _ops(op)


def without_kernels(target: str) -> set[str]:
    """Return the names of the ops that only their references run on a kind of target."""
    run = tuple({op for kernel in KERNELS.values() if kernel.target == target for op in kernel.ops})
    alone = {op for op in _ops() if not issubclass(op, run) and op.decompose is Op.decompose}
    return {op.__name__ for op in alone if op.reference is not Op.reference or op.run is not Op.run} - NO_WORK


def test_every_op_without_kernels_is_listed() -> None:
    """No op runs on the host that the page does not name."""
    both, _, cpu = between("## What runs on the host", "So does any op").partition("on the CPU only")
    assert without_kernels("cuda") <= set(named(both))
    assert without_kernels("cpu") <= set(named(both)) | set(named(cpu))


def test_every_model_of_the_tests_has_a_row() -> None:
    """Each trained, filled and exported model has its errors, and they are numbers."""
    rows = dict(re.findall(r"^\| (\S+) \| ([\d.e\-+ ·]+) \| [\d.]+ \| [\d.]+ \|$", PAGE, re.MULTILINE))
    assert rows.keys() == {*zoo.MODELS, *light.LIGHT, *EXPORTS}
    for name, errors in rows.items():
        bound = zoo.MODELS[name].tolerance if name in zoo.MODELS else 1e-4
        above = max(float(error) for error in errors.split(" · ")) > bound
        assert above == (f"**{name}** misses the bound" in PAGE), name
