"""LSTM, GRU and plain RNN recurrences in float32, over inputs that are multiplied by their weights beforehand.

A task of the range is (direction, block of sequences); `steps_count` gives n. D directions, T steps, N sequences, H
hidden units, G gates (lstm 4: i o f c; gru 3: z r h; rnn 1). All arrays are float32 and dense but for the strides named
here (in elements). int64 arguments:

    0 xg [T, N, D * G * H]   1 recurrent weights (`pack_recurrent`)   2 gru: rb [D, 3 * H]   3 h0 [D, N, H]
    4 lstm: c0 [D, N, H]   5 with `lengths`: int32 [N]   6 with `peephole`: p [D, 3 * H] (i o f)
    7 y [T, D, N, H]   8 h [D, N, H]   9 lstm: c [D, N, H]   10 work: `work_floats` numbers
    11 T   12 N   13 D   14 H   15 sequences of a task (at most 8)   16 bit d set: direction d runs backwards
    17 xg per step   18 per sequence   19 y per step   20 per direction   21 per sequence
    22 with `coded`: what each row of the recurrent weights, which are int8 then, is multiplied by: float32 [D, G * H]

Beyond a sequence's length y is 0 and the state stays. An activation is (name, alpha, beta), `activations` in the order
of ONNX: lstm f g h, gru f g, rnn f, the same for every direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minirt.errors import CompileError
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.host import lanes
from minirt.kernels.cpu.matrix import pack_matrix

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
BLOCK = 8
"""Most sequences of a task."""
_PHASES = {"lstm": (4,), "gru": (2, 1), "rnn": (1,)}
_ACTIVATIONS = {
    "Sigmoid": "float32(1) / (float32(1) + exp(-x))",
    "Tanh": "tanh(x)",
    "Relu": "float32(0) if x < float32(0) else x",
    "Affine": "$A * x + $B",
    "LeakyRelu": "$A * x if x < float32(0) else x",
    "ThresholdedRelu": "float32(0) if x < $A else x",
    "ScaledTanh": "$A * tanh($B * x)",
    "HardSigmoid": "clamped($A * x + $B, float32(0), float32(1))",
    "Elu": "float32($A * math.expm1(x)) if x < float32(0) else x",
    "Softsign": "x / (float32(1) + abs(x))",
    "Softplus": "float32(max(x, float32(0)) + math.log1p(math.exp(-abs(x)))) if x == x else x",
}


@dataclass(frozen=True)
class RecurrentSpec:
    """What is compiled."""

    kind: str = "lstm"
    activations: tuple[tuple[str, float, float], ...] = (("Sigmoid", 0, 0), ("Tanh", 0, 0), ("Tanh", 0, 0))
    clip: float = 0.0
    input_forget: bool = False
    linear_before_reset: bool = False
    lengths: bool = False
    peephole: bool = False
    lanes: int = field(default_factory=lanes)
    vectors: int = 2
    coded: bool = False

    def __post_init__(self) -> None:
        wrong = [name for name, _, _ in self.activations if name not in _ACTIVATIONS]
        if wrong or len(self.activations) != {"lstm": 3, "gru": 2, "rnn": 1}[self.kind]:
            raise CompileError(f"activations {self.activations} are not those of a {self.kind}", "CPU recurrence")

    @property
    def width(self) -> int:
        """Columns of a tile of the recurrent product."""
        return self.vectors * self.lanes

    @property
    def heights(self) -> tuple[int, ...]:
        """Sequences of the tiles, most first: wide tiles are for few."""
        return (BLOCK, 4, 2, 1) if self.vectors == 2 else (2, 1)

    @property
    def phases(self) -> tuple[int, ...]:
        """Gates of each product of a step: gru's last gate may need the reset state."""
        return (3,) if self.linear_before_reset else _PHASES[self.kind]


def steps_unit(spec: RecurrentSpec) -> CpuUnit:
    """The source of a recurrence."""
    return CpuUnit(spec.kind, steps_text(spec))


def steps_count(args: Sequence[int]) -> int:
    """n of the range for these arguments."""
    return args[13] * -(-args[12] // args[15])


def work_floats(args: Sequence[int], spec: RecurrentSpec) -> int:
    """Numbers of the work array."""
    return steps_count(args) * BLOCK * (GATES[spec.kind] + 1) * args[14]


def pack_recurrent(weights: NDArray[Any], spec: RecurrentSpec) -> NDArray[Any]:
    """[D, G * H, H] -> for each direction and phase [blocks, H, width], flat."""
    hidden, parts = weights.shape[2], []
    for direction in weights:
        first = 0
        for gates in spec.phases:
            rows = direction[first * hidden : (first + gates) * hidden]
            parts.append(pack_matrix(np.ascontiguousarray(rows.T), spec.width).ravel())
            first += gates
    return np.concatenate(parts)


def packed_blocks(hidden: int, spec: RecurrentSpec) -> int:
    """Blocks of a direction's packed weights, each of ``hidden * width`` numbers."""
    return sum(-(-gates * hidden // spec.width) for gates in spec.phases)


def packing_unit(spec: RecurrentSpec) -> CpuUnit:
    """What packs recurrent weights as `pack_recurrent` does, while a plan runs; a task is a block of a direction.

    int64 arguments: 0 weights [D, G * H, H]   1 packed   2 H   3 blocks of a direction
    """
    text, first = _PACKING, 0
    for gates in spec.phases:
        text += _PACKED_PHASE.replace("$FIRST", str(first)).replace("$N", str(gates))
        first += gates
    text += _PACKED_BLOCK
    return CpuUnit(f"{spec.kind}_weights", text.replace("$GATES", str(first)).replace("$WIDTH", str(spec.width)))


_PACKING = """
from numba import float32
from minirt.kernels.cpu.pointers import f32

def kernel(lo, hi, args):
    weights, packed = f32(args[0]), f32(args[1])
    size, blocks = args[2], args[3]
    for task in range(lo, hi):
        d = task // blocks
        left = task - d * blocks
        block, begin, rows = 0, 0, 0
"""
_PACKED_PHASE = """        here = ($N * size + $WIDTH - 1) // $WIDTH
        if 0 <= left < here:
            block, begin, rows = left, $FIRST * size, $N * size
        left = left - here
"""
_PACKED_BLOCK = """        for c in range($WIDTH):
            row = block * $WIDTH + c
            for k in range(size):
                value = weights[(d * $GATES * size + begin + row) * size + k] if row < rows else float32(0)
                packed[(task * size + k) * $WIDTH + c] = value
"""


def steps_text(spec: RecurrentSpec) -> str:
    """The kernel's Python text."""
    text = [_IMPORTS, *_functions(spec)]
    each = 1 if spec.coded else 4
    made = f"{spec.vectors}, {spec.lanes}, 4, {each * spec.width}, {spec.coded}"
    text += [f"product{t} = tile_product({t}, {made})\n" for t in spec.heights]
    text += [f"tile_stack = stack_f32({BLOCK * spec.width})\nstarts_stack = stack_i64(16)\n", _HEAD]
    text += [_CELLS if spec.kind == "lstm" else "", _LONGEST if spec.lengths else "        longest = steps\n", _STEP]
    first = 0
    for phase, gates in enumerate(spec.phases):
        product = _product(spec).replace("$FROM", "fresh" if phase else "h")
        text += [_RESET if phase else "", product.replace("$FIRST", str(first)).replace("$N", str(gates))]
        first += gates
    text += [_ROWS, {"lstm": _lstm, "gru": _gru, "rnn": _rnn}[spec.kind](spec), _REST]
    size = " + ".join(f"({n} * size + $WIDTH - 1) // $WIDTH" for n in spec.phases)
    scales = "        scales = f32(args[22] + 4 * d * $GATES * size)\n" if spec.coded else ""
    joined = (
        "".join(text)
        .replace("$SCALES", scales)
        .replace("$DIRECTION", f"({size}) * $WIDTH * size")
        .replace("$GATES", str(GATES[spec.kind]))
    )
    joined = joined.replace("$LENGTH", "lengths[n0 + row]" if spec.lengths else "steps")
    return joined.replace("$WIDTH", str(spec.width)).replace("$BLOCK", str(BLOCK)).replace("$EACH", str(each))


def _product(spec: RecurrentSpec) -> str:
    """The recurrent product: by the tallest tile that fits what is left of the sequences."""
    tall = "".join(f"{t} if left >= {t} else " for t in spec.heights[:-1]) + "1"
    calls = ""
    for t in spec.heights:
        word = "else" if t == 1 else f"{'el' if calls else ''}if tall == {t}"
        calls += f"                        {word}:\n"
        calls += f"                            product{t}(starts, 1, size, 4, wb, 0, tile)\n"
    scaled = " * scales[$FIRST * size + b * $WIDTH + j]" if spec.coded else ""
    return _PRODUCT.replace("$TALL", tall).replace("$CALLS", calls).replace("$SCALED", scaled)


def _lstm(spec: RecurrentSpec) -> str:
    peep = (" + p[j] * held", " + p[size + j] * now", " + p[2 * size + j] * held") if spec.peephole else ("", "", "")
    forget = "float32(1) - i" if spec.input_forget else f"act0(x[2 * size + j] + gates[at + 2 * size + j]{peep[2]})"
    lines = [
        "held = c[row * size + j]",
        f"i = act0(x[j] + gates[at + j]{peep[0]})",
        f"f = {forget}",
        "now = f * held + i * act1(x[3 * size + j] + gates[at + 3 * size + j])",
        f"v = act0(x[size + j] + gates[at + size + j]{peep[1]}) * act2(now)",
        "c[row * size + j] = now",
    ]
    return _element(lines)


def _gru(spec: RecurrentSpec) -> str:
    last = "gates[at + 2 * size + j] + rb[2 * size + j]"
    if spec.linear_before_reset:
        last = f"act0(x[size + j] + gates[at + size + j] + rb[size + j]) * ({last})"
    lines = [
        "z = act0(x[j] + gates[at + j] + rb[j])",
        f"v = (float32(1) - z) * act1(x[2 * size + j] + {last}) + z * h[row * size + j]",
    ]
    return _element(lines)


def _rnn(spec: RecurrentSpec) -> str:
    return _element(["v = act0(x[j] + gates[at + j])"])


def _element(lines: Sequence[str]) -> str:
    return "".join(" " * 24 + line + "\n" for line in [*lines, "h[row * size + j] = v", "y[j] = v"])


_IMPORTS = """
import math
import numpy as np
from numba import float32, int32, int64, njit
from minirt.kernels.cpu.pointers import f32, i32
from minirt.kernels.cpu.tile import address_of, stack_f32, stack_i64, tile_product

@njit(error_model='numpy', fastmath={'contract'})
def clamped(x, low, high):
    x = low if x < low else x
    return high if x > high else x

@njit(error_model='numpy', fastmath={'contract'})
def tanh(x):
    # the rational approximation of Eigen: odd polynomial of degree 13 over even one of degree 6
    x = clamped(x, float32(-7.90531110763549805), float32(7.90531110763549805))
    s = x * x
    p = float32(-2.76076847742355e-16) * s + float32(2.00018790482477e-13)
    p = p * s + float32(-8.60467152213735e-11)
    p = p * s + float32(5.12229709037114e-08)
    p = p * s + float32(1.48572235717979e-05)
    p = p * s + float32(6.37261928875436e-04)
    p = p * s + float32(4.89352455891786e-03)
    q = float32(1.19825839466702e-06) * s + float32(1.18534705686654e-04)
    q = q * s + float32(2.26843463243900e-03)
    q = q * s + float32(4.89352518554385e-03)
    return x * p / q

@njit(error_model='numpy', fastmath={'contract'})
def exp(x):
    # 2^n times a polynomial of degree 6 (Cephes): gru's 1 - sigmoid needs its last bits
    x = clamped(x, float32(-87.33654), float32(88.37626))
    n = float32(math.floor(x * float32(1.44269504) + float32(0.5)))
    r = x - n * float32(0.693359375) - n * float32(-2.12194440e-4)
    p = float32(1.9875691500e-4) * r + float32(1.3981999507e-3)
    p = p * r + float32(8.3334519073e-3)
    p = p * r + float32(4.1665795894e-2)
    p = p * r + float32(1.6666665459e-1)
    p = p * r + float32(5.0000001201e-1)
    p = p * r * r + r + float32(1)
    return p * np.int32((int32(n) + int32(127)) << int32(23)).view(np.float32)
"""


def _functions(spec: RecurrentSpec) -> list[str]:
    """Definitions of act0, act1, ...: clipped first, but for what follows lstm's output gate."""
    made = []
    for k, (name, alpha, beta) in enumerate(spec.activations):
        body = _ACTIVATIONS[name].replace("$A", f"float32({alpha!r})").replace("$B", f"float32({beta!r})")
        clip = spec.clip and not (spec.kind == "lstm" and k == 2)
        line = f"    x = clamped(x, float32({-spec.clip!r}), float32({spec.clip!r}))\n" if clip else ""
        made.append(f"@njit(error_model='numpy', fastmath={{'contract'}})\ndef act{k}(x):\n{line}    return {body}\n")
    return made


_HEAD = """
def kernel(lo, hi, args):
    tile = tile_stack()
    starts = starts_stack()
    for t in range(16):
        starts[t] = 0
    steps, sequences, size, block = args[11], args[12], args[14], args[15]
    groups = (sequences + block - 1) // block
    lengths = i32(args[5])
    for task in range(lo, hi):
        d = task // groups
        n0 = (task - d * groups) * block
        count = min(block, sequences - n0)
        backwards = (args[16] >> d) & 1
        work = args[10] + 4 * task * $BLOCK * ($GATES + 1) * size
        gates = f32(work)
        fresh = f32(work + 4 * $BLOCK * $GATES * size)
        rb = f32(args[2] + 4 * d * 3 * size)
        p = f32(args[6] + 4 * d * 3 * size)
$SCALES        state = 4 * (d * sequences + n0) * size
        h = f32(args[8] + state)
        first = f32(args[3] + state)
        for i in range(count * size):
            h[i] = first[i]
"""

_CELLS = """
        c = f32(args[9] + state)
        cells = f32(args[4] + state)
        for i in range(count * size):
            c[i] = cells[i]
"""

_LONGEST = """
        longest = 0
        for row in range(count):
            longest = max(longest, int64(lengths[n0 + row]))
"""

_STEP = """
        for step in range(steps):
            weights = args[1] + $EACH * d * $DIRECTION
            if step < longest:
"""

_PRODUCT = """
                blocks = ($N * size + $WIDTH - 1) // $WIDTH
                row = 0
                while row < count:
                    left = count - row
                    tall = $TALL
                    for t in range(tall):
                        starts[t] = address_of($FROM) + 4 * (row + t) * size
                    for b in range(blocks):
                        wb = weights + $EACH * b * size * $WIDTH
$CALLS                        columns = min($WIDTH, $N * size - b * $WIDTH)
                        for t in range(tall):
                            to = (row + t) * $GATES * size + $FIRST * size + b * $WIDTH
                            for j in range(columns):
                                gates[to + j] = tile[t * $WIDTH + j]$SCALED
                    row += tall
                weights += $EACH * blocks * size * $WIDTH
"""

_RESET = """
                for row in range(count):
                    length = $LENGTH
                    if step < length:
                        at = row * $GATES * size
                        when = length - 1 - step if backwards else step
                        x = f32(args[0] + 4 * (when * args[17] + (n0 + row) * args[18] + d * $GATES * size))
                        for j in range(size):
                            reset = act0(x[size + j] + gates[at + size + j] + rb[size + j])
                            fresh[row * size + j] = reset * h[row * size + j]
"""

_ROWS = """
            for row in range(count):
                length = $LENGTH
                at = row * $GATES * size
                if step < length:
                    when = length - 1 - step if backwards else step
                    x = f32(args[0] + 4 * (when * args[17] + (n0 + row) * args[18] + d * $GATES * size))
                    y = f32(args[7] + 4 * (when * args[19] + d * args[20] + (n0 + row) * args[21]))
                    for j in range(size):
"""

_REST = """
                else:
                    y = f32(args[7] + 4 * (step * args[19] + d * args[20] + (n0 + row) * args[21]))
                    for j in range(size):
                        y[j] = float32(0)
"""
