"""Recurrences on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ops.recurrent import ACTIVATIONS, GATES, Recurrent
from minirt.types.dtype import Array
from tests.kernels.cpu.harness import check, run


def _operands(kind: str, steps: int, batch: int, hidden: int, count: int) -> list[Array]:
    rng = np.random.default_rng(1)

    def numbers(*shape: int) -> Array:
        return (rng.standard_normal(shape) * 0.4).astype(np.float32)

    gates = GATES[kind] * hidden
    out = [numbers(steps, batch, count * gates), numbers(count, gates, hidden)]
    out += [numbers(count, gates)] if kind == "gru" else []
    return out + [numbers(count, batch, hidden) for _ in range(2 if kind == "lstm" else 1)]


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("directions", [(False,), (True,), (False, True)])
@pytest.mark.parametrize(("steps", "batch", "hidden"), [(7, 1, 20), (3, 11, 33), (0, 2, 16)])
def test_kinds(kind: str, directions: tuple[bool, ...], steps: int, batch: int, hidden: int) -> None:
    """Both ways in time, several sequences, odd widths, no step at all."""
    count = len(directions)
    names = ACTIVATIONS[kind] * count
    for linear in (False, True) if kind == "gru" else (False,):
        op = Recurrent(
            kind, hidden, directions, names, (0.0,) * len(names), (0.0,) * len(names), linear_before_reset=linear
        )
        check(op, _operands(kind, steps, batch, hidden, count), 2e-6, constants=(1,))


def test_options() -> None:
    """Lengths, peepholes, clipping and coupled gates."""
    names = ("HardSigmoid", "Softsign", "Tanh")
    numbers = _operands("lstm", 6, 4, 20, 1)
    op = Recurrent("lstm", 20, (True,), names, (0.3, 0.0, 0.0), (0.4, 0.0, 0.0), 0.7, True, False, True, True)
    peep = np.random.default_rng(2).standard_normal((1, 60)).astype(np.float32)
    check(op, [*numbers, np.array([6, 0, 3, 1], np.int32), peep], 2e-6, constants=(1,))


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("steps", "batch", "hidden"), [(7, 1, 20), (3, 11, 33), (5, 2, 70)])
def test_coded_weights(kind: str, steps: int, batch: int, hidden: int) -> None:
    """Recurrent weights of int8, with a scale for each row."""
    names, rng = ACTIVATIONS[kind] * 2, np.random.default_rng(3)
    numbers = _operands(kind, steps, batch, hidden, 2)
    numbers[1] = rng.integers(-128, 128, numbers[1].shape).astype(np.int8)
    scales = (0.004 * rng.random((2, GATES[kind] * hidden))).astype(np.float32)
    op = Recurrent(kind, hidden, (False, True), names, (0.0,) * len(names), (0.0,) * len(names), coded=True)
    check(op, [*numbers, scales], 2e-6, constants=(1,))
    scales[:] = 2.0**-7
    plain = [numbers[0], numbers[1].astype(np.float32) * np.float32(2.0**-7), *numbers[2:]]
    for coded, whole in zip(
        run(op, [*numbers, scales], constants=(1,)), run(op.replace(coded=False), plain), strict=True
    ):
        np.testing.assert_array_equal(coded, whole)
