"""What every test gets: house rules for GPU tests and for the folders that minirt writes to."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

TARGETS = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def _device_missing() -> str:
    """Return why no CUDA device can be used here, "" if one can."""
    try:
        from cupy import cuda  # noqa: PLC0415  (costs most of a second, and only the gpu tier needs it)
    except ImportError as error:
        return f"cupy is not installed: {error}"
    return "" if cuda.is_available() else "no CUDA device answers"


def pytest_configure() -> None:
    """Let builds take first tactics, whatever this machine measured once; tests of tuning turn it on."""
    os.environ.setdefault("MINIRT_TUNE", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the gpu tier, with the reason, where there is no device."""
    on_device = [item for item in items if item.get_closest_marker("gpu")]
    reason = _device_missing() if on_device else ""
    if reason:
        for item in on_device:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(params=TARGETS)
def each_target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test on the CPU, and in the gpu tier on the first device."""
    monkeypatch.setenv("MINIRT_TARGET", request.param)


@pytest.fixture(scope="module", params=TARGETS)
def every_target(request: pytest.FixtureRequest) -> Iterator[None]:
    """Do the same for all tests of a module, where they run a function many times."""
    with patch.dict(os.environ, {"MINIRT_TARGET": request.param}):
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root folder."""
    return Path(__file__).parents[1]
