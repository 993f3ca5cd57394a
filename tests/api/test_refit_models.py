"""Refitted engines of whole models compute what onnxruntime does with the new weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import minirt as trt
from minirt.plan.format import read_sections, write_sections
from tests.api.nets import Keeper
from tests.api.weighted import MODELS, SHAPES, build, close, load, oracle, picture, run

REFIT = trt.BuilderFlag.REFIT


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def engine_of(name: str, logger: Any, *flags: Any, **named: Any) -> Any:
    return load(logger, build(logger, MODELS[name](0), SHAPES[name], *flags, **named))


def tensors(data: bytes) -> dict[str, Any]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(data).graph.initializer}


def kernels(engine: Any) -> list[str]:
    steps = engine._state.loaded.plans[0].steps
    return [step.choices[0].kernel if hasattr(step, "choices") else type(step).__name__ for step in steps]


@pytest.mark.parametrize("name", MODELS)
def test_a_second_model_gives_its_weights(name: str) -> None:
    logger, x = Keeper(), picture(name)
    engine = engine_of(name, logger, REFIT)
    context = engine.create_execution_context()
    close(context.run({"x": x})["y"], oracle(MODELS[name](0), x))
    refitter = trt.Refitter(engine, logger)
    new = MODELS[name](1)
    assert trt.OnnxParserRefitter(refitter, logger).refit_from_bytes(new)
    assert refitter.refit_cuda_engine()
    close(context.run({"x": x})["y"], oracle(new, x))
    close(run(load(logger, engine.serialize()), x), oracle(new, x))
    assert not logger.errors


@pytest.mark.parametrize("name", MODELS)
def test_a_refittable_engine_has_the_steps_of_another(name: str) -> None:
    logger = Keeper()
    plain, refittable = engine_of(name, logger), engine_of(name, logger, REFIT)
    assert kernels(plain) == kernels(refittable)
    if name == "residual":
        assert not [k for k in kernels(refittable) if k.startswith("Map")]  # normalisations are in the convolutions


@pytest.mark.parametrize("name", MODELS)
def test_a_stripped_engine_runs_after_a_refit(name: str, tmp_path: Path) -> None:
    logger, x = Keeper(), picture(name)
    whole = build(logger, MODELS[name](0), SHAPES[name], REFIT)
    stripped = build(logger, MODELS[name](0), SHAPES[name], trt.BuilderFlag.STRIP_PLAN)
    engine, original = load(logger, stripped), load(logger, whole)
    opened = original._state.package.table
    left_out = sum(opened.rows[n].nbytes for n in opened.open)
    assert len(whole) - len(stripped) >= left_out
    assert engine.get_engine_stat(trt.EngineStat.STRIPPED_WEIGHTS_SIZE) == left_out
    assert engine.refittable
    context = engine.create_execution_context()
    assert context.run({"x": x}) is None
    assert "stripped" in logger.errors[-1]
    refitter = trt.Refitter(engine, logger)
    assert refitter.get_missing_weights() == refitter.get_all_weights() == opened.open
    path = tmp_path / "model.onnx"
    path.write_bytes(MODELS[name](0))
    assert trt.OnnxParserRefitter(refitter, logger).refit_from_file(str(path))
    assert refitter.get_missing_weights() == []
    assert refitter.refit_cuda_engine()
    np.testing.assert_array_equal(context.run({"x": x})["y"], run(original, x))
    np.testing.assert_array_equal(run(load(logger, engine.serialize()), x), run(original, x))


def test_a_partial_refit_of_a_stripped_engine_is_refused() -> None:
    logger, x = Keeper(), picture("perceptron")
    engine = engine_of("perceptron", logger, trt.BuilderFlag.STRIP_PLAN)
    refitter, held = trt.Refitter(engine, logger), tensors(MODELS["perceptron"](0))
    for name in ("w0", "b0", "w1", "b1", "w2"):
        assert refitter.set_named_weights(name, held[name])
    assert refitter.get_missing_weights() == ["b2"]
    assert refitter.get_missing() == (["b2"], [trt.WeightsRole.CONSTANT])
    assert not refitter.refit_cuda_engine()
    assert "b2" in logger.errors[-1]
    assert engine.create_execution_context().run({"x": x}) is None
    assert refitter.set_named_weights("b2", held["b2"])
    assert refitter.refit_cuda_engine()
    close(run(engine, x), oracle(MODELS["perceptron"](0), x))


def test_one_of_many_weights_is_replaced() -> None:
    logger, x = Keeper(), picture("residual")
    engine = engine_of("residual", logger, REFIT)
    refitter = trt.Refitter(engine, logger)
    mixed = onnx.load_from_string(MODELS["residual"](0))
    fresh = tensors(MODELS["residual"](1))
    for tensor in mixed.graph.initializer:
        if tensor.name in ("c2.var", "c1.b"):
            tensor.CopyFrom(numpy_helper.from_array(fresh[tensor.name], tensor.name))
            assert refitter.set_named_weights(tensor.name, fresh[tensor.name], trt.TensorLocation.HOST)
    assert refitter.get_missing_weights() == []
    assert refitter.refit_cuda_engine_async(0)
    close(run(engine, x), oracle(mixed.SerializeToString(), x))


def test_numbers_of_the_caller_are_copied_by_a_refit() -> None:
    logger, x = Keeper(), picture("perceptron")
    engine = engine_of("perceptron", logger, REFIT)
    refitter, b = trt.Refitter(engine, logger), np.zeros(64, np.float32)
    assert refitter.set_named_weights("b0", b)
    b += 1  # still the caller's: what counts is what is there when the refit runs
    assert refitter.refit_cuda_engine()
    wanted = run(engine, x)
    b += 5
    assert refitter.set_named_weights("b1", tensors(MODELS["perceptron"](0))["b1"])
    assert refitter.refit_cuda_engine()
    np.testing.assert_array_equal(run(engine, x), wanted)
    np.testing.assert_array_equal(run(load(logger, engine.serialize()), x), wanted)


def test_what_was_set_can_be_read_and_unset() -> None:
    logger = Keeper()
    refitter = trt.Refitter(engine_of("perceptron", logger, REFIT), logger)
    b = np.arange(64, dtype=np.float32)
    assert refitter.get_named_weights("b0").size == 0
    assert refitter.set_named_weights("b0", b)
    assert (refitter.get_named_weights("b0").numpy() == b).all()
    assert refitter.get_weights_location("b0") == trt.TensorLocation.HOST
    prototype = refitter.get_weights_prototype("w0")
    assert (prototype.dtype, prototype.size) == (trt.float32, 64 * 64)
    assert refitter.unset_named_weights("b0")
    assert not refitter.unset_named_weights("b0")
    assert refitter.get_named_weights("b0").size == 0
    assert not refitter.set_named_weights("b0", b[:3])
    assert not refitter.set_named_weights("none", b)
    assert not refitter.set_named_weights("b0", b + np.float32(np.inf))
    refitter.weights_validation = False
    assert refitter.set_named_weights("b0", b + np.float32(np.inf))


def test_numbers_that_shaped_the_engine_must_stay() -> None:
    logger, x = Keeper(), picture("rooted")
    engine = engine_of("rooted", logger, REFIT)
    refitter = trt.Refitter(engine, logger)
    assert refitter.get_all_weights() == ["gain"]
    assert not refitter.set_named_weights("epsilon", np.array([1.0], np.float32))
    other = onnx.load_from_string(MODELS["rooted"](1))
    other.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array([1.0], np.float32), "epsilon"))
    parser = trt.OnnxParserRefitter(refitter, logger)
    assert not parser.refit_from_bytes(other.SerializeToString())
    assert "epsilon" in parser.get_error(0).desc()
    assert not refitter._state.pending  # type: ignore[attr-defined]
    close(run(engine, x), oracle(MODELS["rooted"](0), x))


def test_only_marked_weights_are_refittable() -> None:
    logger, x = Keeper(), picture("perceptron")
    engine = engine_of("perceptron", logger, trt.BuilderFlag.REFIT_INDIVIDUAL, marked=("w1",))
    refitter = trt.Refitter(engine, logger)
    assert refitter.get_all_weights() == ["w1"]
    assert not trt.OnnxParserRefitter(refitter, logger).refit_from_bytes(MODELS["perceptron"](1))
    fresh = tensors(MODELS["perceptron"](1))["w1"]
    assert refitter.set_named_weights("w1", fresh)
    assert refitter.refit_cuda_engine()
    mixed = onnx.load_from_string(MODELS["perceptron"](0))
    next(t for t in mixed.graph.initializer if t.name == "w1").CopyFrom(numpy_helper.from_array(fresh, "w1"))
    close(run(engine, x), oracle(mixed.SerializeToString(), x))


def test_serialization_flags() -> None:
    logger, x = Keeper(), picture("residual")
    engine = engine_of("residual", logger, REFIT)
    size = engine.serialize().nbytes
    config = engine.create_serialization_config()
    assert not load(logger, engine.serialize_with_config(config)).refittable
    close(run(load(logger, engine.serialize_with_config(config)), x), oracle(MODELS["residual"](0), x))
    config.set_flag(trt.SerializationFlag.INCLUDE_REFIT)
    assert load(logger, engine.serialize_with_config(config)).refittable
    config.set_flag(trt.SerializationFlag.EXCLUDE_WEIGHTS)
    left = engine.serialize_with_config(config)
    assert left.nbytes < size - engine.get_engine_stat(trt.EngineStat.TOTAL_WEIGHTS_SIZE) // 2
    stripped = load(logger, left)
    refitter = trt.Refitter(stripped, logger)
    assert trt.OnnxParserRefitter(refitter, logger).refit_from_bytes(MODELS["residual"](1))
    assert refitter.refit_cuda_engine()
    close(run(stripped, x), oracle(MODELS["residual"](1), x))
    plain = engine_of("residual", logger)
    assert plain.serialize_with_config(config) is None
    assert "STRIP_PLAN" in logger.errors[-1]


@pytest.mark.parametrize("name", MODELS)
def test_passes_keep_what_a_refittable_network_computes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_CHECK", "1")
    assert engine_of(name, Keeper(), REFIT).refittable


def test_a_damaged_list_of_weights_is_refused() -> None:
    logger = Keeper()
    data = bytearray(build(logger, MODELS["perceptron"](0), SHAPES["perceptron"], REFIT))
    place = data.index(b'"refittable":true')
    data[place + 3] ^= 1
    assert load(logger, data) is None


@pytest.mark.parametrize(("old", "new"), [(b"[64,64]", b"[32,128]"), (b'"w1":', b'"v1":')])
def test_weights_that_do_not_fit_their_formulas_are_refused(old: bytes, new: bytes) -> None:
    logger = Keeper()
    data = build(logger, MODELS["perceptron"](0), SHAPES["perceptron"], REFIT)
    sections = dict(read_sections(data))
    damaged = {**sections, "weights": bytes(sections["weights"]).replace(old, new)}
    assert load(logger, write_sections(damaged)) is None  # type: ignore[arg-type]
    assert "weights" in logger.errors[-1]


def test_external_data(tmp_path: Path) -> None:
    logger, x = Keeper(), picture("perceptron")
    engine = engine_of("perceptron", logger, REFIT)
    new = onnx.load_from_string(MODELS["perceptron"](2))
    path = tmp_path / "model.onnx"
    onnx.save_model(new, path, save_as_external_data=True, location="weights.bin", size_threshold=16)
    refitter = trt.Refitter(engine, logger)
    assert trt.OnnxParserRefitter(refitter, logger).refit_from_file(str(path))
    assert refitter.refit_cuda_engine()
    close(run(engine, x), oracle(MODELS["perceptron"](2), x))
    again = trt.Refitter(engine, logger)
    assert trt.OnnxParserRefitter(again, logger).refit_from_bytes(path.read_bytes(), str(path))
    assert again.refit_cuda_engine()
