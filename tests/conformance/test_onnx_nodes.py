"""Every node case of the ONNX backend tests, on every path.

A case that a path does not pass yet is listed, with its reason, in ``unsupported_<path>.txt``; a listed case that
passes is a failure, so the lists only shrink.
"""

from __future__ import annotations

import pytest

from tests.conformance.cases import PATHS, cases, run_case, unsupported

pytestmark = pytest.mark.conformance


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each path and case."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize(("path", "case"), [(p, c) for p in PATHS for c in sorted(cases())])


@pytest.mark.filterwarnings("ignore")
def test_case(path: str, case: str) -> None:
    """The case passes, or is listed and fails."""
    reason = unsupported(path).get(case)
    if reason is not None and reason.startswith("random"):
        pytest.skip(reason)
    try:
        run_case(case, PATHS[path])
    except Exception as error:
        if reason is None:
            raise
        pytest.xfail(f"{reason}: {error}")
    assert reason is None, f"{case} passes now: take it out of unsupported_{path}.txt ({reason})"


@pytest.mark.parametrize("path", PATHS)
def test_list_names_cases(path: str) -> None:
    """Only cases that exist are listed, each with a reason."""
    listed = unsupported(path)
    assert set(listed) <= set(cases())
    assert all(listed.values())
