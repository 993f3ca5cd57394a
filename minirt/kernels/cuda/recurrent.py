"""LSTM, GRU and plain recurrences: one block runs a whole sequence, its state in shared memory, weights from cache."""

from __future__ import annotations

from minirt.ir.scalar_cuda import register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage
from minirt.kernels.kernel import Order, Problem
from minirt.ops.recurrent import GATES, Recurrent
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dtype import dtype_of

_SHARED = 48 * 1024
_TYPES = ("f16", "bf16", "f32", "f64")
_FUNCTIONS = {
    "Relu": "greatest(x, (R)0)",
    "Tanh": "tanh{f}(x)",
    "Sigmoid": "1 / (1 + exp{f}(-x))",
    "Affine": "(R){a} * x + (R){b}",
    "LeakyRelu": "x >= 0 ? x : (R){a} * x",
    "ThresholdedRelu": "x >= (R){a} ? x : (R)0",
    "ScaledTanh": "(R){a} * tanh{f}((R){b} * x)",
    "HardSigmoid": "least(greatest((R){a} * x + (R){b}, (R)0), (R)1)",
    "Elu": "x >= 0 ? x : (R){a} * expm1{f}(x)",
    "Softsign": "x / (1 + fabs{f}(x))",
    "Softplus": "greatest(x, (R)0) + log1p{f}(exp{f}(-fabs{f}(x)))",
}


class RecurrentBlocks(Generated):
    """A block for each sequence and direction; a warp multiplies a few rows of the recurrent weights at a time."""

    ops = (Recurrent,)
    threads = 512

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """Everything dense and row-major."""
        plain = [Order(tuple(range(len(o.shape)))) for o in (*problem.inputs, *problem.outputs)]
        return tuple(plain[: len(problem.inputs)]), tuple(plain[len(problem.inputs) :])

    def rejects(self, problem: Problem) -> str:
        """States that do not fit in shared memory, rare types."""
        op, dtype = problem.op, problem.inputs[0].type.dtype
        assert isinstance(op, Recurrent)
        if dtype.name not in _TYPES:
            return f"elements of type {dtype} are not run"
        if any(o.type.dtype is not dtype for o in problem.inputs[:2]):
            return "inputs and weights have different types"
        wide = 8 if dtype.bits == 64 else 4
        if (GATES[op.kind] + 3) * op.hidden * wide > _SHARED:
            return f"a state of {op.hidden} units does not fit in shared memory"
        unknown = [name for name in op.activations if name not in _FUNCTIONS]
        return f"activation {unknown[0]!r}" if unknown else ""

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op = problem.op
        assert isinstance(op, Recurrent)
        steps, batch, _ = problem.inputs[0].shape
        names = _inputs(op.kind, op.has_lengths, op.has_peephole)
        values: dict[str, Value] = {name: Address("in", i) for i, name in enumerate(names)}
        values |= {name: Address("out", i) for i, name in enumerate(_outputs(op.kind))}
        values |= {"steps": steps, "batch": batch}
        spec: Spec = {
            "kind": op.kind, "hidden": op.hidden, "directions": list(op.directions),
            "activations": list(op.activations), "threads": 512 if op.hidden >= 64 else 256,
            "alphas": list(op.alphas), "betas": list(op.betas),
            "clip": op.clip, "input_forget": op.input_forget,
            "linear": op.linear_before_reset, "lengths": op.has_lengths, "peephole": op.has_peephole,
            "dtype": problem.inputs[0].type.dtype.name,
        }  # fmt: skip
        return Launches((self.launched(spec, values, (batch, len(op.directions), 1)),))

    def params(self, spec: Spec) -> list[Param]:
        """Operands, results, and the numbers of steps and sequences."""
        kind = storage(dtype_of(spec["dtype"]))
        names = _inputs(spec["kind"], spec["lengths"], spec["peephole"])
        out = [Param("ptr", name, "const int" if name == "lengths" else f"const {kind}") for name in names]
        out += [Param("ptr", name, kind) for name in _outputs(spec["kind"])]
        return [*out, Param("I", "steps"), Param("I", "batch")]

    def text(self, spec: Spec) -> CudaSource:
        """Step after step: gates, then state."""
        dtype = dtype_of(spec["dtype"])
        head = f"typedef {register_type(dtype)} R;\ntypedef {storage(dtype)} S;\n"
        head += f"constexpr int H = {int(spec['hidden'])}, G = {GATES[spec['kind']]};\n"
        head += _activations(spec) + _PRODUCT.replace("VECTOR", str(_vector(spec["hidden"], dtype.bits)))
        return kernel_text("recurrent", self.params(spec), _body(spec), spec["threads"], False, head, alone=True)


def _inputs(kind: str, lengths: bool, peephole: bool) -> list[str]:
    names = ["xg", "r", *(["rb"] if kind == "gru" else []), "h0", *(["c0"] if kind == "lstm" else [])]
    return names + (["lengths"] if lengths else []) + (["peephole"] if peephole else [])


def _outputs(kind: str) -> list[str]:
    return ["y", "h_last", "c_last"] if kind == "lstm" else ["y", "h_last"]


def _vector(hidden: int, bits: int) -> int:
    return next(v for v in (8, 4, 2, 1) if hidden % v == 0 and v * bits <= 128)


def _activations(spec: Spec) -> str:
    """``act<k>(x, d)``: activation k of direction d."""
    each = len(spec["activations"]) // len(spec["directions"])
    suffix = "" if spec["dtype"] == "f64" else "f"
    text = ""
    for k in range(each):
        text += f"DEV R act{k}(R x, int d) {{\n"
        if spec["clip"] and not (spec["kind"] == "lstm" and k == 2):
            limit = float(spec["clip"])
            text += f"x = least(greatest(x, (R){-limit!r}), (R){limit!r});\n"
        for d in range(len(spec["directions"])):
            at = d * each + k
            a, b = float(spec["alphas"][at]), float(spec["betas"][at])
            call = _FUNCTIONS[spec["activations"][at]].format(f=suffix, a=repr(a), b=repr(b))
            text += f"if (d == {d}) return {call};\n"
        text += "return x;\n}\n"
    return text


_PRODUCT = """
// out[g] = sum over k of rows[g, k] * x[k] for lo <= g < hi: a warp takes four rows at a time, its lanes run along k
DEV void product(R* out, const S* rows, const R* x, int lo, int hi) {
  constexpr int V = VECTOR, ROWS = 4;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
  for (int g = lo + warp * ROWS; g < hi; g += warps * ROWS) {
    R sum[ROWS] = {};
    for (int k = lane * V; k < H; k += 32 * V) {
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
        R w[V];
        load_vector<V>(w, rows + (i64)(g + i < hi ? g + i : g) * H + k);
#pragma unroll
        for (int j = 0; j < V; j++) sum[i] += w[j] * x[k + j];
      }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
      for (int s = 16; s; s >>= 1) sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], s);
      if (lane == i && g + i < hi) out[g + i] = sum[i];
    }
  }
}
"""


def _body(spec: Spec) -> str:
    """The entry's statements."""
    lstm = spec["kind"] == "lstm"
    backwards = " || ".join(f"d == {d}" for d, back in enumerate(spec["directions"]) if back) or "false"
    start = "c[j] = (R)widen(c0[state + j]);" if lstm else ""
    final = "c_last[state + j] = Narrow<S>::of(c[j]);" if lstm else ""
    length = "lengths[n]" if spec["lengths"] else "steps"
    return f"""__shared__ R h[H], gates[G * H], {"c" if lstm else "mixed"}[H];
const int n = blockIdx.x, d = blockIdx.y, length = {length};
const bool back = {backwards};
const i64 state = ((i64)d * batch + n) * H;
const S* own = r + (i64)d * G * H * H;
for (int j = threadIdx.x; j < H; j += blockDim.x) {{ h[j] = (R)widen(h0[state + j]); {start} }}
__syncthreads();
for (int t = 0; t < steps; t++) {{
  const i64 put = (((i64)t * gridDim.y + d) * batch + n) * H;
  if (t >= length) {{
    for (int j = threadIdx.x; j < H; j += blockDim.x) y[put + j] = Narrow<S>::of((R)0);
    continue;
  }}
  const int at = back ? length - 1 - t : t;
  const S* in = xg + (((i64)at * batch + n) * gridDim.y + d) * G * H;
  S* to = y + (((i64)at * gridDim.y + d) * batch + n) * H;
{_STEP[spec["kind"]](spec)}
  __syncthreads();
}}
for (int j = threadIdx.x; j < H; j += blockDim.x) {{ h_last[state + j] = Narrow<S>::of(h[j]); {final} }}
"""


def _rnn(spec: Spec) -> str:
    return """  product(gates, own, h, 0, H);
  __syncthreads();
  for (int j = threadIdx.x; j < H; j += blockDim.x) {
    h[j] = act0((R)widen(in[j]) + gates[j], d);
    to[j] = Narrow<S>::of(h[j]);
  }
"""


def _lstm(spec: Spec) -> str:
    weights = [f"(R)widen(peephole[(i64)d * 3 * H + {k} * H + j])" if spec["peephole"] else "0" for k in range(3)]
    forget = (
        "1 - i" if spec["input_forget"] else f"act0((R)widen(in[2 * H + j]) + gates[2 * H + j] + {weights[2]} * old, d)"
    )
    return f"""  product(gates, own, h, 0, G * H);
  __syncthreads();
  for (int j = threadIdx.x; j < H; j += blockDim.x) {{
    const R old = c[j];
    const R i = act0((R)widen(in[j]) + gates[j] + {weights[0]} * old, d);
    const R f = {forget};
    const R now = f * old + i * act1((R)widen(in[3 * H + j]) + gates[3 * H + j], d);
    const R o = act0((R)widen(in[H + j]) + gates[H + j] + {weights[1]} * now, d);
    c[j] = now;
    h[j] = o * act2(now, d);
    to[j] = Narrow<S>::of(h[j]);
  }}
"""


def _gru(spec: Spec) -> str:
    bias = "(R)widen(rb[(i64)d * 3 * H + {} * H + j])"
    first = f"""  for (int j = threadIdx.x; j < H; j += blockDim.x) {{
    gates[j] = act0((R)widen(in[j]) + gates[j] + {bias.format(0)}, d);
    const R reset = act0((R)widen(in[H + j]) + gates[H + j] + {bias.format(1)}, d);
    MIX
  }}
  __syncthreads();
"""
    last = """  for (int j = threadIdx.x; j < H; j += blockDim.x) {
    const R fresh = act1((R)widen(in[2 * H + j]) + FRESH, d);
    h[j] = (1 - gates[j]) * fresh + gates[j] * h[j];
    to[j] = Narrow<S>::of(h[j]);
  }
"""
    if spec["linear"]:
        mixed = first.replace("MIX", f"mixed[j] = reset * (gates[2 * H + j] + {bias.format(2)});")
        return f"  product(gates, own, h, 0, 3 * H);\n  __syncthreads();\n{mixed}{last.replace('FRESH', 'mixed[j]')}"
    mixed = first.replace("MIX", "mixed[j] = reset * h[j];")
    again = "  product(gates, own, mixed, 2 * H, 3 * H);\n  __syncthreads();\n"
    fresh = last.replace("FRESH", f"gates[2 * H + j] + {bias.format(2)}")
    return f"  product(gates, own, h, 0, 2 * H);\n  __syncthreads();\n{mixed}{again}{fresh}"


_STEP = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
