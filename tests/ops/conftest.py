"""Every test of an op runs on the CPU target, and in the gpu tier on the first device."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest


@pytest.fixture(autouse=True, scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def _target(request: pytest.FixtureRequest) -> Iterator[None]:
    with patch.dict(os.environ, {"MINIRT_TARGET": request.param}):
        yield
