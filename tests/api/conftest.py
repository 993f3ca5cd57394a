"""Fixtures of the API's tests."""

from __future__ import annotations

from typing import Any

import pytest

import minirt as trt
from tests.api.nets import Keeper
from tests.api.small_engine import plan


@pytest.fixture(name="cpu")
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


@pytest.fixture(name="logger")
def _logger() -> Keeper:
    return Keeper()


@pytest.fixture(name="engine")
def _engine(logger: Keeper) -> Any:
    return trt.Runtime(logger).deserialize_cuda_engine(plan(logger))
