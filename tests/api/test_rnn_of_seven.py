"""TensorRT 7's first RNN layer: stacks of cells with all weights in one array, against loops in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt import v7
from tests.api.nets import same

RNG = np.random.default_rng(21)
GATES = {"LSTM": "fico", "GRU": "zrh", "RELU": "i", "TANH": "i"}
LENGTH, BATCH, SIZE, HIDDEN, LEVELS = 5, 2, 3, 4, 2


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _step(kind: str, x: Any, h: Any, c: Any, p: dict[str, Any]) -> tuple[Any, Any]:
    """Return the next hidden and cell state of one cell; `p` has W, R and both biases of each gate."""
    w = {g: x @ p["W" + g].T + p["Wb" + g] for g in GATES[kind]}
    r = {g: h @ p["R" + g].T + p["Rb" + g] for g in GATES[kind]}
    if kind == "LSTM":
        f, i, o = (_sigmoid(w[g] + r[g]) for g in "fio")
        c = f * c + i * np.tanh(w["c"] + r["c"])
        return o * np.tanh(c), c
    if kind == "GRU":
        z, reset = (_sigmoid(w[g] + r[g]) for g in "zr")
        return (1 - z) * np.tanh(w["h"] + reset * r["h"]) + z * h, c
    total = w["i"] + r["i"]
    return (np.maximum(total, 0) if kind == "RELU" else np.tanh(total)), c


def _parameters(kind: str, both: bool, skip: bool) -> tuple[list[dict[str, Any]], Any, Any]:
    """Return the parameters of each cell, and the two arrays that hold them all."""
    cells, weights, biases = [], [], []
    count = 2 if both else 1
    for index in range(LEVELS * count):
        wide = SIZE if index < count else HIDDEN * count
        cell = {}
        for matrix, columns in (("W", wide), ("R", HIDDEN)):
            for gate in GATES[kind]:
                numbers = RNG.normal(size=(HIDDEN, columns)).astype(np.float32) / 2
                if skip and matrix == "W" and index < count:
                    numbers = np.eye(HIDDEN, dtype=np.float32)
                else:
                    weights.append(numbers.reshape(-1))
                cell[matrix + gate] = numbers
                cell[f"{matrix}b{gate}"] = RNG.normal(size=HIDDEN).astype(np.float32)
                biases.append(cell[f"{matrix}b{gate}"])
        cells.append(cell)
    return cells, np.concatenate(weights), np.concatenate(biases)


def _wanted(kind: str, x: Any, cells: list[dict[str, Any]], both: bool, h0: Any, c0: Any) -> list[Any]:
    count = 2 if both else 1
    hs: list[Any] = []
    cs: list[Any] = []
    for level in range(LEVELS):
        sides: list[Any] = []
        for side in range(count):
            index = level * count + side
            h, c = h0[index], c0[index]
            rows: list[Any] = [None] * len(x)
            for t in range(len(x))[:: -1 if side else 1]:
                h, c = _step(kind, x[t], h, c, cells[index])
                rows[t] = h
            hs.append(h)
            cs.append(c)
            sides.append(np.stack(rows))
        x = np.concatenate(sides, -1)
    return [x, np.stack(hs), np.stack(cs)][: 3 if kind == "LSTM" else 2]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_cells(kind: str, both: bool, cpu: None) -> None:
    _check(kind, both, skip=False, first=False)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_first_states_and_skipped_products(kind: str, cpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.api.test_rnn_of_seven.SIZE", HIDDEN)
    _check(kind, True, skip=True, first=True)


def _check(kind: str, both: bool, skip: bool, first: bool) -> None:
    size, count = (HIDDEN if skip else SIZE), (2 if both else 1)
    cells, weights, biases = _parameters(kind, both, skip)
    builder = v7.Builder(v7.Logger(v7.Logger.ERROR))
    net = builder.create_network()
    x = net.add_input("x", v7.float32, (LENGTH, BATCH, size))
    mode = v7.RNNInputMode.SKIP if skip else v7.RNNInputMode.LINEAR
    way = v7.RNNDirection.BIDIRECTION if both else v7.RNNDirection.UNIDIRECTION
    operation = v7.RNNOperation.__members__[kind]
    layer = net.add_rnn(x, LEVELS, HIDDEN, LENGTH, operation, mode, way, weights, biases)
    assert isinstance(layer, v7.IRNNLayer)
    assert (layer.num_layers, layer.hidden_size, layer.data_length, layer.max_seq_length) == (2, 4, size, 5)
    assert (layer.op, layer.input_mode, layer.direction) == (operation, mode, way)
    assert (layer.weights == weights).all()
    feeds = {"x": RNG.normal(size=(1, LENGTH, BATCH, size)).astype(np.float32)}
    states = np.zeros((2, LEVELS * count, BATCH, HIDDEN), np.float32)
    if first:
        for place, name in enumerate(["hidden_state", "cell_state"][: 2 if kind == "LSTM" else 1]):
            setattr(layer, name, net.add_input(name, v7.float32, states.shape[1:]))
            states[place] = RNG.normal(size=states.shape[1:])
            feeds[name] = states[place][None]
    for i in range(layer.num_outputs):
        layer.get_output(i).name = f"out{i}"
        net.mark_output(layer.get_output(i))
    assert layer.get_output(0).shape == (LENGTH, BATCH, HIDDEN * count)
    assert layer.get_output(1).shape == (LEVELS * count, BATCH, HIDDEN)
    engine = builder.build_cuda_engine(net)
    got = engine.create_execution_context().run(feeds)
    for i, wanted in enumerate(_wanted(kind, feeds["x"][0].astype(np.float64), cells, both, *states)):
        same(got[f"out{i}"][0], wanted, 1e-4)


def test_arrays_of_another_length_are_refused(cpu: None) -> None:
    logger = v7.Logger(v7.Logger.INTERNAL_ERROR)
    builder = v7.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", v7.float32, (LENGTH, BATCH, SIZE))
    how = v7.RNNOperation.TANH, v7.RNNInputMode.LINEAR, v7.RNNDirection.UNIDIRECTION
    short, biases = np.ones(7, np.float32), np.ones(16, np.float32)
    net.mark_output(net.add_rnn(x, LEVELS, HIDDEN, LENGTH, *how, short, biases).get_output(0))
    assert builder.build_cuda_engine(net) is None
