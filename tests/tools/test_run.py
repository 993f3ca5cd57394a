"""`minirt run`: what it prints, what it keeps, and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import minirt as trt
from minirt.build.build import build_into
from minirt.build.options import Options
from minirt.ir.graph import Graph
from minirt.tools.compare import compare
from minirt.tools.main import main
from minirt.types.dtype import Array

DATA = Path(__file__).parents[1] / "data"
BERT, VIT, RECURRENT = (DATA / f"{name}-tiny.onnx" for name in ("bert", "vit", "lstm-gru"))


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command runs for the CPU, and what it does to the environment is undone."""
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def saved(nodes: list[onnx.NodeProto], path: Path, domains: tuple[str, ...] = ()) -> Path:
    """Save a model of one input x and one output y, both f32[N,4]."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy")
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", [x], [y]), opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("model", [BERT, VIT, RECURRENT], ids=lambda path: path.stem)
def test_a_model_that_agrees(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(model)]) == 0
    rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert rows["target"].strip() == "cpu"
    assert rows["verdict"].strip() == "agrees with onnxruntime (bound 0.0001)"
    outputs = {output.name for output in onnx.load(model).graph.output}
    assert {key.removeprefix("error ") for key in rows if key.startswith("error ")} == outputs


def test_json_is_one_object_with_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(BERT), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["target"] == "cpu" and facts["agrees"] is True and facts["not compared"] == ""
    assert facts["errors"].keys() == {"hidden", "pooled"} and all(0 <= e <= 1e-4 for e in facts["errors"].values())
    assert facts["steps"] == sum(facts["kernels"].values()) < facts["layers"]
    times = ("latency ms", "onnxruntime ms", "parse seconds", "build seconds", "load seconds")
    assert all(facts[key] > 0 for key in (*times, "engine MB", "weights MB"))


def test_levels_and_budgets_reach_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_BUDGET", "")
    told = []

    def hear(out: bytearray, graph: Graph, options: Options, *rest: Any) -> None:
        told.append(options)
        build_into(out, graph, options, *rest)

    monkeypatch.setattr("minirt.api.builder.build_into", hear)
    assert main(["run", str(BERT), "--level", "1", "--budget", "7"]) == 0
    assert [(o.level, o.tuning.budget) for o in told] == [(1, 7)]


def test_shapes_choose_the_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shapes = ["--shapes", "input_ids:3x5", "--shapes", "attention_mask:3x5"]
    kept = tmp_path / "new" / "bert.engine"
    assert main(["run", str(BERT), "--save-engine", str(kept), *shapes]) == 0
    said = capsys.readouterr().out
    assert str(kept) in said and "input_ids 3x5, attention_mask 3x5" in said
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(kept.read_bytes())
    feeds = {"input_ids": np.ones((3, 5), np.int64), "attention_mask": np.ones((3, 5), np.int64)}
    assert engine.create_execution_context().run(feeds)["hidden"].shape == (3, 5, 48)
    assert [path.name for path in kept.parent.iterdir()] == ["bert.engine"]


@pytest.mark.parametrize("bound", ["1e-12", "0"])
def test_numbers_that_disagree(bound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(VIT), "--tolerance", bound]) == 1
    assert f"DISAGREES with onnxruntime (bound {float(bound):g})" in capsys.readouterr().out


def test_a_file_that_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"garbage" * 9)
    for name, why in (("bad.onnx", "not an ONNX model"), ("absent.onnx", "No such file")):
        assert main(["run", str(tmp_path / name)]) == 2
        said = capsys.readouterr().err
        assert name in said and said.count(why) == 1


def test_every_unsupported_node_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = [
        helper.make_node("Twist", ["x"], ["a"], name="first", domain="my.own"),
        helper.make_node("Relu", ["a"], ["b"], name="fine"),
        helper.make_node("Twirl", ["b"], ["y"], name="second", domain="my.own"),
    ]
    assert main(["run", str(saved(odd, tmp_path / "odd.onnx", ("my.own",)))]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in ("'first'", "Twist", "'second'", "Twirl")) and "fine" not in said


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ("picture:1x3x32x32", "no input is called 'picture'; inputs: image"),
        ("image", "'image' is not NAME:1x3x224x224"),
        ("image:1x3x-1x32", "is not NAME:1x3x224x224"),
        ("image:1x3", "do not have the rank of f32[batch,3,32,32]"),
        ("image:1x3x31x32", "input 'image' axis 2: the profile asks for (31, 31, 31), the network fixes 32"),
    ],
)
def test_shapes_that_do_not_fit(shape: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(VIT), "--shapes", shape]) == 2
    assert why in "".join(capfd.readouterr())


def test_a_shape_for_an_input_of_fixed_sizes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    assert main(["run", str(tmp_path / "m.onnx"), "--shapes", "x:2x4"]) == 0
    assert main(["run", str(tmp_path / "m.onnx"), "--shapes", "x:2x5"]) == 2
    assert "the network fixes 4" in "".join(capfd.readouterr())


def test_an_engine_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "x.engine", tmp_path):
        assert main(["run", str(VIT), "--save-engine", str(place)]) == 2
        assert f"{place}: the engine cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("given", [("--level", "6"), ("--tolerance", "-1"), ("--budget", "-1"), ("--seed", "x")])
def test_numbers_that_mean_nothing(given: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", str(VIT), *given])
    assert f"argument {given[0]}: " in capsys.readouterr().err


def test_a_target_that_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(VIT), "--target", "abacus"]) == 2
    assert "no target is called 'abacus'" in "".join(capfd.readouterr())


def test_a_model_that_onnxruntime_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = saved([helper.make_node("Relu", ["x"], ["y"])], tmp_path / "late.onnx")
    model = onnx.load(late)
    model.ir_version = 99
    onnx.save(model, late)
    assert main(["run", str(late), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["errors"] == {} and facts["agrees"] is False and "IR version" in facts["not compared"]


def test_compare_finds_what_is_wrong() -> None:
    want: dict[str, Array] = {
        "a": np.array([1, 2, 4], np.float32),
        "b": np.array([1, 2]),
        "c": np.array([np.nan, 1], np.float32),
    }
    same = {name: value.copy() for name, value in want.items()}
    assert compare(same, want) == {"a": 0, "b": 0, "c": 0}
    off: dict[str, Array] = {
        "a": np.array([1, 2, 5], np.float32),
        "b": np.array([1, 3]),
        "c": np.array([1, 1], np.float32),
    }
    assert compare(off, want) == {"a": 0.25, "b": np.inf, "c": np.inf}
    assert compare({"b": want["b"][:1]}, want) == {"a": np.inf, "b": np.inf, "c": np.inf}


def test_the_command_line() -> None:
    """The module runs as a program; wrong use is status 2 and a usage line."""
    command = [sys.executable, "-m", "minirt.tools.main"]
    done = subprocess.run([*command, "run"], capture_output=True, text=True)
    assert done.returncode == 2 and "usage: minirt run" in done.stderr
    done = subprocess.run([*command, "run", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--save-engine FILE" in done.stdout
