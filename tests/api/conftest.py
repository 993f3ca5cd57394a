"""Fixtures of the API's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

import minirt as trt
from tests.api.nets import Keeper
from tests.api.small_engine import plan


@pytest.fixture(name="cpu")
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


@pytest.fixture(name="each_target", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def _each_target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", request.param)


@pytest.fixture(name="every_target", scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def _every_target(request: pytest.FixtureRequest) -> Iterator[None]:
    """Like each_target, for tests that run a function many times."""
    with patch.dict(os.environ, {"MINIRT_TARGET": request.param}):
        yield


@pytest.fixture(name="logger")
def _logger() -> Keeper:
    return Keeper()


@pytest.fixture(name="engine")
def _engine(logger: Keeper) -> Any:
    return trt.Runtime(logger).deserialize_cuda_engine(plan(logger))
