"""Every test of an op runs on the CPU target, and in the gpu tier on the first device."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def _target(every_target: None) -> None:
    """Take each target in turn."""
