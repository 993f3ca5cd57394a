"""Each model of the zoo runs in onnxruntime at each of its shapes, and its answers depend on its input."""

import numpy as np
import pytest

from tests.models.oracle import error_of_scale, session
from tests.models.zoo import MODELS, SMALL, fetch

KEYS = [pytest.param(key, marks=[pytest.mark.models, *[pytest.mark.small] * (key in SMALL)]) for key in MODELS]


@pytest.mark.parametrize("key", KEYS)
def test_oracle_runs(key: str) -> None:
    """The inputs are taken, every output is finite, and another seed gives another answer."""
    model = MODELS[key]
    runner = session(fetch(key), model.optimized_oracle)
    for variant in model.variants:
        first = runner.run(None, model.feeds(variant, seed=0))
        other = runner.run(None, model.feeds(variant, seed=1))
        for output, value in zip(runner.get_outputs(), first, strict=True):
            assert np.isfinite(value).all(), (variant, output.name)
        differences = [error_of_scale(a, b) for a, b in zip(first, other, strict=True)]
        assert max(differences) > 5e-4, (variant, differences)


def test_error_of_scale_sees_every_difference() -> None:
    """The measure is not blind to NaN, shape, dtype, whole numbers or a zero reference."""
    ones = np.ones(3, np.float32)
    assert error_of_scale(ones, ones) == 0.0
    assert error_of_scale(ones * 1.5, ones) == 0.5
    for wrong in (ones * np.nan, ones[:2], ones.astype(np.float64)):
        assert error_of_scale(wrong, ones) == float("inf")
    assert error_of_scale(ones, 0 * ones) == float("inf")
    assert error_of_scale(np.array([1, 2]), np.array([1, 3])) == float("inf")
    gap = np.array([1, np.nan], np.float32)
    assert error_of_scale(gap, gap) == 0.0
