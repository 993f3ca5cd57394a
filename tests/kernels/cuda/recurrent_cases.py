"""Recurrences of every kind, direction, length and activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.ops.recurrent import ACTIVATIONS, GATES, Recurrent
from tests.kernels.cuda.execution import Array, Case
from tests.kernels.cuda.map_cases import random


def recurrence(name: str, kind: str, hidden: int, directions: tuple[bool, ...] = (False,), **more: Any) -> Case:
    """Seven steps of three sequences."""
    dtype = more.pop("dtype", np.float32)
    count, width = len(directions), GATES[kind] * hidden
    functions = more.pop("activations", ACTIVATIONS[kind] * count)
    alphas, betas = (0.3,) * len(functions), (0.6,) * len(functions)
    arrays: list[Array] = [random(7, 3, count * width, dtype=dtype)]
    arrays.append((random(count, width, hidden) / hidden**0.5).astype(dtype))
    arrays += [random(count, width, dtype=dtype)] if kind == "gru" else []
    arrays += [random(count, 3, hidden, dtype=dtype, seed=i) for i in range(2 if kind == "lstm" else 1)]
    arrays += [np.array([7, 0, 4], np.int32)] if more.get("has_lengths") else []
    arrays += [random(count, 3 * hidden, dtype=dtype)] if more.get("has_peephole") else []
    op = Recurrent(kind, hidden, directions, functions, alphas, betas, **more)
    return Case(name, op, arrays, tolerance=4e-3 if dtype == np.float16 else 1e-5)


def cases() -> list[Case]:
    """All cases."""
    both = (False, True)
    out = [recurrence(kind, kind, 32, both) for kind in ("lstm", "gru", "rnn")]
    out += [recurrence(f"{kind}-odd", kind, 21, both) for kind in ("lstm", "gru", "rnn")]
    out += [recurrence(f"{kind}-lengths", kind, 20, both, has_lengths=True) for kind in ("lstm", "gru", "rnn")]
    odd = ("HardSigmoid", "Softsign", "ScaledTanh", "Sigmoid", "LeakyRelu", "Elu")
    return [
        *out,
        recurrence("lstm-f16", "lstm", 128, dtype=np.float16),
        recurrence("lstm-f64", "lstm", 12, dtype=np.float64),
        recurrence("lstm-300", "lstm", 300, (True,)),
        recurrence("lstm-peephole", "lstm", 16, has_peephole=True),
        recurrence("lstm-clipped", "lstm", 16, both, clip=0.5, input_forget=True, activations=odd),
        recurrence("gru-linear", "gru", 24, both, linear_before_reset=True),
        recurrence("rnn-softplus", "rnn", 8, both, activations=("Softplus", "ThresholdedRelu")),
    ]
