"""Order along one axis: the place of the greatest or least element, the k greatest or least, running sums."""

from __future__ import annotations

from minirt.ir.scalar_cuda import register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage
from minirt.kernels.cuda.map import Piece
from minirt.kernels.cuda.nest import coordinates, offset
from minirt.kernels.cuda.reduce import identity
from minirt.kernels.cuda.rows import (
    Rows,
    combine_text,
    load_text,
    loop_text,
    rows,
    rows_params,
    rows_values,
    setup_text,
    which,
)
from minirt.kernels.kernel import Operand, Problem
from minirt.ops.ordering import ArgReduce, Cumulative, TopK
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dim import Dim
from minirt.types.dtype import DType, dtype_of

_TYPES = ("f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")
_SORTED_AT_ONCE = 2048


def _untaken(problem: Problem) -> str:
    dtype = problem.inputs[0].type.dtype
    return "" if dtype.name in _TYPES else f"elements of type {dtype} are not ordered"


def _piece(of: str, index: int, operand: Operand) -> Piece:
    return Piece(Address(of, index), operand.type.dtype, operand.strides, operand.aligned)


class ArgReduceRows(Generated):
    """A group or column of threads for each row finds the best element and its place."""

    ops = (ArgReduce,)

    def rejects(self, problem: Problem) -> str:
        """Types without an order."""
        return _untaken(problem)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, ArgReduce)
        kept: list[Dim] = [s for axis, s in enumerate(y.strides) if not op.keepdims or axis != op.axis]
        kept.insert(op.axis, 0)
        result = Piece(Address("out", 0), y.type.dtype, tuple(kept), y.aligned)
        made = rows(problem, x.shape, (op.axis,), [_piece("in", 0, x), result], x.type.order)
        spec: Spec = {**made.spec, "kind": op.kind, "last": op.last, "dtype": x.type.dtype.name}
        values: dict[str, Value] = {**rows_values(made, ("x", "y")), "x": Address("in", 0), "y": Address("out", 0)}
        return Launches((self.launched(spec, values, made.grid),))

    def params(self, spec: Spec) -> list[Param]:
        """The operand, the places, and the rows' geometry."""
        kind = storage(dtype_of(spec["dtype"]))
        return [Param("ptr", "x", f"const {kind}"), Param("ptr", "y", "i64"), *rows_params(spec, ("x", "y"))]

    def text(self, spec: Spec) -> CudaSource:
        """Each thread's best, then the group's."""
        dtype = dtype_of(spec["dtype"])
        kind, vector = register_type(dtype), spec["vector"]
        sign, tie = (">" if spec["kind"] == "max" else "<"), (">" if spec["last"] else "<")
        head = f"""typedef Found<{kind}> Best;
struct Better {{ DEV Best operator()(Best a, Best b) const {{
  if (a.at < 0 || b.at < 0) return a.at < 0 ? b : a;
  const bool an = a.value != a.value, bn = b.value != b.value;
  const bool even = an == bn && (an || a.value == b.value);
  const bool first = even ? a.at {tie} b.at : an || (!bn && a.value {sign} b.value);
  return first ? a : b;
}} }};
"""
        body = setup_text(spec, ("x", "y"))
        body += f"Best best[W];\nfor (int w = 0; w < W; w++) {{ best[w].value = ({kind})0; best[w].at = -1; }}\n"
        along = "r + j" if spec["mode"] == "inner" else "r"
        each = (
            f"Best one; one.value = v[j]; one.at = {along}; best[{which(spec)}] = Better()(best[{which(spec)}], one);"
        )
        loads = f"{kind} v[{vector}];\n" + load_text(spec, spec["modes"][0], "x", "v")
        body += loop_text(spec, f"{loads}#pragma unroll\nfor (int j = 0; j < {vector}; j++) {{ {each} }}\n")
        body += combine_text(spec, "best", "Better()")
        body += f"if (ok && part == 0) for (int w = 0; w < W; w++) y[b_y + w * y_{spec['kept'] - 1}] = best[w].at;\n"
        params = self.params(spec)
        return kernel_text("arg_reduce", params, body, spec["threads"], spec["wide"], head, ("groups.cuh",))


class CumulativeRows(Generated):
    """A warp scans each row; rows whose elements lie apart are run through by a thread each."""

    ops = (Cumulative,)
    threads = 128

    def rejects(self, problem: Problem) -> str:
        """Types without sums."""
        return _untaken(problem)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Cumulative)
        made = rows(problem, x.shape, (op.axis,), [_piece("in", 0, x), _piece("out", 0, y)], x.type.order)
        alone = made.spec["mode"] == "outer"
        spec = _plain(made) | {
            "kind": op.kind, "exclusive": op.exclusive, "reverse": op.reverse, "dtype": x.type.dtype.name,
            "lanes": 1 if alone else 32,
        }  # fmt: skip
        values: dict[str, Value] = {**rows_values(made, ("x", "y")), "x": Address("in", 0), "y": Address("out", 0)}
        return Launches((self.launched(spec, values, _grid(made, self.threads // spec["lanes"])),))

    def params(self, spec: Spec) -> list[Param]:
        """Operand, result, and the rows' geometry."""
        kind = storage(dtype_of(spec["dtype"]))
        return [Param("ptr", "x", f"const {kind}"), Param("ptr", "y", kind), *rows_params(spec, ("x", "y"))]

    def text(self, spec: Spec) -> CudaSource:
        """Chunks of a row, one element a lane, carried from chunk to chunk."""
        dtype, lanes = dtype_of(spec["dtype"]), spec["lanes"]
        kind, mark = register_type(dtype), "+" if spec["kind"] == "sum" else "*"
        zero = "0" if spec["kind"] == "sum" else "1"
        body = f"const int lane = threadIdx.x % {lanes};\n"
        body += f"const I row = (I)blockIdx.x * {self.threads // lanes} + threadIdx.x / {lanes};\n"
        body += "if (row >= rows) return;\n" + coordinates(spec["kept"], "row")
        body += "".join(f"const I b_{n} = {offset(spec['kept'], n)};\n" for n in ("x", "y"))
        body += f"{kind} carry = {zero};\nfor (I at = 0; at < length; at += {lanes}) {{\n"
        body += f"const I s = at + lane;\nconst I r = {'length - 1 - s' if spec['reverse'] else 's'};\n"
        body += coordinates(spec["reduced"], "(s < length ? r : 0)", "d", "m")
        walk = " + ".join(f"d{axis} * {{0}}_r{axis}" for axis in range(spec["reduced"]))
        at_x, at_y = (f"b_{n} + {walk.replace('{0}', n)}" for n in ("x", "y"))
        body += f"const {kind} v = s < length ? ({kind})widen(x[{at_x}]) : ({kind}){zero};\n{kind} sum = v;\n"
        if lanes > 1:
            body += "#pragma unroll\nfor (int d = 1; d < 32; d <<= 1) {\n"
            body += f"const {kind} u = Lanes<{kind}>::up(sum, d);\nif (lane >= d) sum = ({kind})(sum {mark} u);\n}}\n"
        body += f"sum = ({kind})(sum {mark} carry);\n"
        if spec["exclusive"]:
            before = f"Lanes<{kind}>::up(sum, 1)" if lanes > 1 else "carry"
            body += f"{kind} put = {before};\nif (lane == 0) put = carry;\n"
        else:
            body += f"const {kind} put = sum;\n"
        body += f"if (s < length) y[{at_y}] = Narrow<{storage(dtype)}>::of(put);\n"
        body += f"carry = {f'Lanes<{kind}>::from(sum, 31)' if lanes > 1 else 'sum'};\n}}\n"
        return kernel_text("cumulative", self.params(spec), body, self.threads, spec["wide"], "", ("groups.cuh",))


class TopKRows(Generated):
    """A block for each row: rows that fit are sorted in shared memory.

    Of longer ones the k best are picked by the digits of their keys, then sorted; where they do not fit either, the
    next best is found k times.
    """

    ops = (TopK,)

    def rejects(self, problem: Problem) -> str:
        """Types without an order."""
        return _untaken(problem)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x,), results = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, TopK)
        outs = [_piece("out", i, o) for i, o in enumerate(results)]
        made = rows(problem, x.shape, (op.axis,), [_piece("in", 0, x), *outs], x.type.order)
        most = problem.bounds(x.shape[op.axis])[1]
        slots = _slots(most)
        method = "sort" if slots else "select" if _slots(problem.bounds(op.k)[1]) else "search"
        slots = slots or _slots(problem.bounds(op.k)[1])
        threads = min(slots, 1024) if method == "sort" else 1024
        spec = _plain(made) | {
            "method": method, "slots": slots, "threads": threads, "largest": op.largest, "dtype": x.type.dtype.name,
        }  # fmt: skip
        values: dict[str, Value] = {**rows_values(made, ("x", "y", "z")), "k": op.k, "x": Address("in", 0)}
        values |= {"y": Address("out", 0), "z": Address("out", 1)}
        return Launches((self.launched(spec, values, _grid(made, 1)),))

    def params(self, spec: Spec) -> list[Param]:
        """Operand, values, places, k, and the rows' geometry."""
        kind = storage(dtype_of(spec["dtype"]))
        out = [Param("ptr", "x", f"const {kind}"), Param("ptr", "y", kind), Param("ptr", "z", "i64"), Param("I", "k")]
        return out + rows_params(spec, ("x", "y", "z"))

    def text(self, spec: Spec) -> CudaSource:
        """Sort, or search."""
        dtype = dtype_of(spec["dtype"])
        kind = register_type(dtype)
        sign = ">" if spec["largest"] else "<"
        nan_first = "an" if spec["largest"] else "bn"
        head = f"""typedef Found<{kind}> One;
DEV bool before(One a, One b) {{
  if (a.at < 0 || b.at < 0) return b.at < 0 && a.at >= 0;
  const bool an = a.value != a.value, bn = b.value != b.value;
  if (an != bn) return {nan_first};
  return (an || a.value == b.value) ? a.at < b.at : a.value {sign} b.value;
}}
struct Earlier {{ DEV One operator()(One a, One b) const {{ return before(b, a) ? b : a; }} }};
"""
        head += _key(dtype, spec["largest"]) if spec["method"] == "select" else ""
        body = "const I row = blockIdx.x;\nconst int lane = threadIdx.x;\n" + coordinates(spec["kept"], "row")
        body += "".join(f"const I b_{n} = {offset(spec['kept'], n)};\n" for n in ("x", "y", "z"))
        body += {"sort": _sorted, "select": _selected, "search": _searched}[spec["method"]](spec, dtype)
        params = self.params(spec)
        return kernel_text("top_k", params, body, spec["threads"], spec["wide"], head, ("groups.cuh",))


def _slots(most: float) -> int:
    """The power of two that holds so many elements; 0 where shared memory does not."""
    return next((1 << n for n in range(5, 12) if most <= min(1 << n, _SORTED_AT_ONCE)), 0)


def _plain(made: Rows) -> Spec:
    """The geometry alone, for kernels that share rows in their own way."""
    return {name: made.spec[name] for name in ("kept", "reduced", "wide")}


def _grid(made: Rows, each: int) -> tuple[Dim, Dim, Dim]:
    return ((made.kept.total + (each - 1)) // each, 1, 1)


def _put(dtype: DType, what: str, at: str) -> str:
    """Stores of the element in ``what`` as number ``at`` of the row (one reduced axis: the op's)."""
    put = f"Narrow<{storage(dtype)}>::of({what}.value)"
    return f"y[b_y + ({at}) * y_r0] = {put}; z[b_z + ({at}) * z_r0] = {what}.at;"


def _sorted(spec: Spec, dtype: DType) -> str:
    slots, threads, kind = spec["slots"], spec["threads"], register_type(dtype)
    return f"""__shared__ One held[{slots}];
for (int i = lane; i < {slots}; i += {threads}) {{
  held[i].at = i < length ? i : -1;
  held[i].value = i < length ? ({kind})widen(x[b_x + (I)i * x_r0]) : ({kind})0;
}}
{_sort_and_put(spec, dtype)}"""


def _sort_and_put(spec: Spec, dtype: DType) -> str:
    """A bitonic sort of ``held``, whose empty slots come last, and stores of its first k."""
    slots, threads = spec["slots"], spec["threads"]
    return f"""for (int size = 2; size <= {slots}; size <<= 1)
  for (int step = size >> 1; step; step >>= 1) {{
    __syncthreads();
    for (int i = lane; i < {slots} / 2; i += {threads}) {{
      const int a = 2 * i - (i & (step - 1)), b = a + step;
      const bool up = (a & size) == 0;
      const One p = held[a], q = held[b];
      if (before(q, p) == up) {{ held[a] = q; held[b] = p; }}
    }}
  }}
__syncthreads();
for (int i = lane; i < k; i += {threads}) {{ {_put(dtype, "held[i]", "(I)i")} }}
"""


def _key(dtype: DType, largest: bool) -> str:
    """``key(v)``: unsigned, greater for elements that come earlier; NaN is the greatest number."""
    bits = 64 if dtype.bits == 64 else 32
    word, top = ("u64", "0x8000000000000000ull") if bits == 64 else ("u32", "0x80000000u")
    if dtype.is_float:
        raw = f"({word})__double_as_longlong(v)" if bits == 64 else "__float_as_uint(v)"
        make = f"if (v == 0) v = 0; const K u = {raw}; K key = v != v ? ~(K)0 : (u & {top}) ? ~u : u | {top};"
    else:
        signed = "(i64)" if bits == 64 else "(int)"
        make = f"K key = (K){signed}v ^ {top};" if dtype.kind == "i" else "K key = (K)v;"
    last = "key" if largest else "~key"
    return f"typedef {word} K;\nDEV K key_of({register_type(dtype)} v) {{ {make} return {last}; }}\n"


def _selected(spec: Spec, dtype: DType) -> str:
    slots, threads, kind = spec["slots"], spec["threads"], register_type(dtype)
    bits = 64 if dtype.bits == 64 else 32
    read = f"({kind})widen(x[b_x + r * x_r0])"
    return f"""__shared__ One held[{slots}];
__shared__ int counts[256], sums[{threads} / 32], found, left;
K edge = 0, mask = 0;
if (lane == 0) {{ found = 0; left = (int)k; }}
for (int shift = {bits} - 8; shift >= 0; shift -= 8) {{
  for (int i = lane; i < 256; i += {threads}) counts[i] = 0;
  __syncthreads();
  for (I r = lane; r < length; r += {threads}) {{
    const K one = key_of({read});
    if ((one & mask) == edge) atomicAdd(&counts[(int)(one >> shift) & 255], 1);
  }}
  __syncthreads();
  int digit = 255, above = 0;
  while (digit > 0 && above + counts[digit] < left) above += counts[digit--];
  edge |= (K)digit << shift;
  mask |= (K)255 << shift;
  __syncthreads();
  if (lane == 0) left -= above;
  __syncthreads();
}}
for (int i = lane; i < {slots}; i += {threads}) {{ held[i].at = -1; held[i].value = ({kind})0; }}
__syncthreads();
const int even = left, sure = (int)k - even;
int taken = 0;
for (I start = 0; start < length; start += {threads}) {{
  const I r = start + lane;
  const {kind} v = r < length ? {read} : ({kind})0;
  const K one = key_of(v);
  if (r < length && one > edge) {{ const int at = atomicAdd(&found, 1); held[at].value = v; held[at].at = r; }}
  const bool same = r < length && one == edge && taken < even;
  const u32 votes = __ballot_sync(0xffffffffu, same);
  if ((lane & 31) == 0) sums[lane >> 5] = __popc(votes);
  __syncthreads();
  int place = taken + __popc(votes & ((1u << (lane & 31)) - 1)), all = 0;
  for (int w = 0; w < {threads} / 32; w++) {{ if (w < (lane >> 5)) place += sums[w]; all += sums[w]; }}
  if (same && place < even) {{ held[sure + place].value = v; held[sure + place].at = r; }}
  taken += all;
  __syncthreads();
}}
{_sort_and_put(spec, dtype)}"""


def _searched(spec: Spec, dtype: DType) -> str:
    threads, kind = spec["threads"], register_type(dtype)
    return f"""One last;
last.at = -1; last.value = ({kind}){identity("max", dtype)};
for (I i = 0; i < k; i++) {{
  One best;
  best.at = -1; best.value = ({kind})0;
  for (I r = lane; r < length; r += {threads}) {{
    One one;
    one.at = r; one.value = ({kind})widen(x[b_x + r * x_r0]);
    if (i == 0 || before(last, one)) best = Earlier()(best, one);
  }}
  last = combine_group<{threads}>(best, Earlier());
  if (lane == 0) {{ {_put(dtype, "last", "i")} }}
}}
"""
