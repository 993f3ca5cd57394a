"""Plans as JSON: numbers that JSON has no word for."""

from __future__ import annotations

import json
import math

import pytest

from minirt.errors import EngineFormatError
from minirt.plan.encode import decode, encode
from minirt.plan.launch import Real


@pytest.mark.parametrize("value", [1.5, math.inf, -math.inf])
def test_every_number_round_trips(value: float) -> None:
    text = json.dumps(encode(Real(value)), allow_nan=False)
    assert decode(json.loads(text)) == Real(value)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(EngineFormatError):
        decode({"r": "many"})
