"""Weight streaming: sizes and budgets; on the CPU, where weights are in host memory anyway, results do not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper
from tests.api.weighted import MODELS, SHAPES, build, close, load, oracle, picture, run

STREAM = trt.BuilderFlag.WEIGHT_STREAMING


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def engine_of(name: str, logger: Any, *flags: Any) -> Any:
    return load(logger, build(logger, MODELS[name](0), SHAPES[name], *flags))


def test_budgets_of_a_streaming_engine() -> None:
    logger, x = Keeper(), picture("perceptron")
    engine = engine_of("perceptron", logger, STREAM)
    size = engine.streamable_weights_size
    assert size >= 3 * 64 * 64 * 4
    assert engine.weight_streaming_budget_v2 == size
    assert engine.get_weight_streaming_automatic_budget() == size
    assert engine.weight_streaming_scratch_memory_size == 0
    wanted = run(engine, x)
    for budget in (0, size // 2, size + 5):
        engine.weight_streaming_budget_v2 = budget
        assert engine.weight_streaming_budget_v2 == min(budget, size)
        np.testing.assert_array_equal(run(engine, x), wanted)
    close(wanted, oracle(MODELS["perceptron"](0), x))
    assert not logger.errors


def test_a_budget_stays_while_contexts_are_alive() -> None:
    logger = Keeper()
    engine = engine_of("perceptron", logger, STREAM)
    size = engine.streamable_weights_size
    context = engine.create_execution_context()
    engine.weight_streaming_budget_v2 = 0
    assert engine.weight_streaming_budget_v2 == size
    assert "contexts" in logger.errors[-1]
    del context
    engine.weight_streaming_budget_v2 = 0
    assert engine.weight_streaming_budget_v2 == 0
    engine.weight_streaming_budget_v2 = -1
    assert engine.weight_streaming_budget_v2 == 0
    assert "negative" in logger.errors[-1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_older_budget_counts_the_scratch_memory() -> None:
    engine = engine_of("perceptron", Keeper(), STREAM)
    assert engine.weight_streaming_budget == 0
    assert engine.minimum_weight_streaming_budget == 0
    engine.weight_streaming_budget = 20_000
    assert engine.weight_streaming_budget_v2 == 20_000
    engine.weight_streaming_budget = -1
    assert engine.weight_streaming_budget_v2 == engine.streamable_weights_size
    engine.weight_streaming_budget = 20_000
    engine.weight_streaming_budget = 0
    assert engine.weight_streaming_budget_v2 == engine.streamable_weights_size


def test_other_engines_do_not_stream() -> None:
    logger = Keeper()
    engine = engine_of("perceptron", logger)
    assert engine.streamable_weights_size == engine.weight_streaming_budget_v2 == 0
    engine.weight_streaming_budget_v2 = 100
    assert engine.weight_streaming_budget_v2 == 0
    assert "WEIGHT_STREAMING" in logger.errors[-1]


def test_a_streaming_engine_is_refitted() -> None:
    logger, x = Keeper(), picture("residual")
    engine = engine_of("residual", logger, STREAM, trt.BuilderFlag.REFIT)
    engine.weight_streaming_budget_v2 = engine.streamable_weights_size // 3
    context = engine.create_execution_context()
    refitter = trt.Refitter(engine, logger)
    assert trt.OnnxParserRefitter(refitter, logger).refit_from_bytes(MODELS["residual"](1))
    assert refitter.refit_cuda_engine()
    close(context.run({"x": x})["y"], oracle(MODELS["residual"](1), x))
