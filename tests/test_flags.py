"""The MINIRT_* variables."""

from pathlib import Path

import pytest

from minirt.errors import ApiError
from minirt.flags import Flags, flags, read_flags


def test_defaults() -> None:
    """An empty environment, and empty variables, give the defaults."""
    assert read_flags({}) == read_flags({"MINIRT_DEBUG": "", "MINIRT_TARGET": ""}) == Flags()


def test_every_variable_is_read() -> None:
    """Each documented variable reaches its field."""
    given = {
        "MINIRT_DEBUG": "3", "MINIRT_DUMP": "/d", "MINIRT_CHECK": "1", "MINIRT_TUNE": "0", "MINIRT_CUDA_GRAPH": "0",
        "MINIRT_CACHE": "/c", "MINIRT_MODELS": "/m", "MINIRT_RAISE": "1", "MINIRT_TARGET": "cpu",
        "MINIRT_DIALECT": "8", "MINIRT_THREADS": "2", "MINIRT_BUDGET": "9", "MINIRT_OVERLAP": "1",
        "MINIRT_BRANCHES": "1", "MINIRT_ROWS": "0",
    }  # fmt: skip
    assert len(given) == len(Flags.__dataclass_fields__)
    assert read_flags(given) == Flags(
        3, Path("/d"), True, False, False, True, True, Path("/c"), Path("/m"), True, "cpu", "8", 2, 9, False
    )  # fmt: skip


@pytest.mark.parametrize(("variable", "value"), [("DEBUG", "5"), ("TUNE", "yes"), ("THREADS", "-1"), ("CHECK", "2")])
def test_a_bad_value_names_its_variable(variable: str, value: str) -> None:
    """A value out of range is refused in the user's own terms."""
    with pytest.raises(ApiError, match=f"MINIRT_{variable}.*'{value}'"):
        read_flags({f"MINIRT_{variable}": value})


def test_flags_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that changes while the process runs is seen."""
    monkeypatch.setenv("MINIRT_THREADS", "3")
    assert flags().threads == 3
    assert flags() is flags()
    monkeypatch.setenv("MINIRT_THREADS", "4")
    assert flags().threads == 4
