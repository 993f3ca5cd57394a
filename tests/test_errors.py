"""The errors: what they say, and that they cross processes."""

import pickle

import pytest

from minirt.errors import ApiError, MinirtError, NoKernelError, TypeInferenceError, UnsupportedNodeError

ERRORS: list[tuple[MinirtError, str]] = [
    (ApiError("no such tensor", "'y'", "the engine has: x"), "'y': no such tensor (the engine has: x)"),
    (TypeInferenceError("add1", "Add", "f32 with i64"), "Add 'add1': f32 with i64"),
    (UnsupportedNodeError("n0", "Foo", "no importer", 3, "com.x"), "node 'n0' (com.x::Foo, opset 3): no importer"),
    (
        NoKernelError("conv1", "Conv f16", "cpu", [("ConvDirect", "63 > 16 channels")]),
        "'conv1': no kernel runs Conv f16 on cpu:\n  ConvDirect: 63 > 16 channels",
    ),
]


@pytest.mark.parametrize(("error", "text"), ERRORS, ids=lambda case: type(case).__name__)
def test_message(error: MinirtError, text: str) -> None:
    """An error says what is wrong, where, and what to change; also on the far side of a process boundary."""
    assert str(error) == text
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == text
