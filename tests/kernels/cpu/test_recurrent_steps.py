"""Recurrences against the op's NumPy reference in float64, with lengths, peepholes, both directions, odd sizes."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from minirt.errors import CompileError
from minirt.kernels.cpu.compile import address
from minirt.kernels.cpu.recurrent_steps import (
    GATES,
    RecurrentSpec,
    pack_recurrent,
    steps_count,
    steps_unit,
    work_floats,
)
from minirt.ops.recurrent import Recurrent

RANGE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
LSTM = RecurrentSpec()
GRU = RecurrentSpec("gru", LSTM.activations[:2])
RNN = RecurrentSpec("rnn", (("Tanh", 0.0, 0.0),))
ODD = (("HardSigmoid", 0.3, 0.4), ("Softsign", 0.0, 0.0), ("Elu", 0.7, 0.0))
SPECS = [
    LSTM,
    replace(LSTM, lengths=True, peephole=True, clip=0.5),
    replace(LSTM, input_forget=True, activations=ODD),
    GRU,
    replace(GRU, linear_before_reset=True, lengths=True),
    replace(GRU, lengths=True, clip=0.3),
    replace(GRU, activations=(("Sigmoid", 0.0, 0.0), ("LeakyRelu", 0.1, 0.0))),
    RNN,
    replace(RNN, lengths=True, activations=(("ScaledTanh", 1.5, 0.5),)),
    replace(RNN, activations=(("Affine", 0.5, 0.1),)),
    replace(RNN, activations=(("ThresholdedRelu", 0.2, 0.0),)),
    replace(RNN, activations=(("Relu", 0.0, 0.0),)),
    replace(RNN, activations=(("Softplus", 0.0, 0.0),)),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize(("steps", "batch", "hidden"), [(1, 1, 1), (5, 3, 17), (7, 11, 40)])
@pytest.mark.parametrize("directions", [(False,), (True,), (False, True)])
def test_recurrence(spec: RecurrentSpec, steps: int, batch: int, hidden: int, directions: tuple[bool, ...]) -> None:
    rng, count, gates = np.random.default_rng(7), len(directions), GATES[spec.kind]

    def random(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return (rng.standard_normal(shape) * 0.5).astype(np.float32)

    xg = random(steps, batch, count * gates * hidden)
    r = random(count, gates * hidden, hidden) / np.float32(np.sqrt(hidden))  # no chaos, which would amplify rounding
    rb, h0, c0, p = (
        random(count, 3 * hidden),
        random(count, batch, hidden),
        random(count, batch, hidden),
        random(count, 3 * hidden),
    )
    lengths = rng.integers(0, steps + 1, batch).astype(np.int32)
    names, alphas, betas = zip(*spec.activations * count, strict=True)
    op = Recurrent(
        spec.kind, hidden, directions, names, alphas, betas, spec.clip, spec.input_forget, spec.linear_before_reset,
        spec.lengths, spec.peephole,
    )  # fmt: skip
    given = [xg, r] + [rb] * (spec.kind == "gru") + [h0] + [c0] * (spec.kind == "lstm")
    wide = [a.astype(np.float64) for a in given] + [lengths] * spec.lengths + [p.astype(np.float64)] * spec.peephole
    exact = op.reference(*wide)
    whole = np.full(steps * count * batch * hidden + 64, np.nan, np.float32)
    y = whole[32:-32].reshape(steps, count, batch, hidden)
    h, c, packed = np.zeros_like(h0), np.zeros_like(c0), pack_recurrent(r, spec)
    args = [a.ctypes.data for a in (xg, packed, rb, h0, c0, lengths, p, y, h, c)] + [0, steps, batch, count, hidden, 4]
    args += [
        sum(1 << d for d, back in enumerate(directions) if back),
        batch * count * gates * hidden,
        count * gates * hidden,
    ]
    args += [count * batch * hidden, batch * hidden, hidden]
    if batch > 8:
        args[15] = 8
    work = np.zeros(work_floats(args, spec), np.float32)
    args[10] = work.ctypes.data
    n, memory = steps_count(args), np.array(args)
    for lo, hi in ((n // 2, n), (0, n // 2)):
        RANGE(address(steps_unit(spec)))(lo, hi, memory.ctypes.data)
    for got, want in zip((y, h, c), exact, strict=False):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=3e-6 * max(1, np.abs(want).max(initial=0)))
    assert np.isnan(whole[:32]).all() and np.isnan(whole[-32:]).all()


def test_unknown_activation_is_refused() -> None:
    with pytest.raises(CompileError, match="Swish"):
        RecurrentSpec("rnn", (("Swish", 0.0, 0.0),))
