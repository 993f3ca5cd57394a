"""Softmax and normalization: statistics of each row, then every element again; rows that fit stay in registers."""

from __future__ import annotations

from math import prod

from minirt.ir.scalar import Body, arg, cast, decode, encode
from minirt.ir.scalar_cuda import cuda_function, index_axes, prints, register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage
from minirt.kernels.cuda.map import Piece
from minirt.kernels.cuda.nest import broadcast_strides, same
from minirt.kernels.cuda.row_tactics import shared_rows
from minirt.kernels.cuda.rows import (
    Rows,
    combine_text,
    coordinate,
    element_offset,
    folded_axes,
    load_text,
    loop_text,
    rows,
    rows_params,
    rows_values,
    setup_text,
    store_text,
    which,
)
from minirt.kernels.kernel import Problem
from minirt.ops.normalization import Normalization
from minirt.ops.softmax import Softmax
from minirt.plan.launch import Address, Launches, Spec

_SUM = "struct Sum { template <class T> DEV T operator()(T a, T b) const { return a + b; } };\n"
_MOST = "struct Most { template <class T> DEV T operator()(T a, T b) const { return greatest(a, b); } };\n"
_FEW, _ALL = 4, 12  # ways to time, usually and at most
_ONE_LINE: Spec = {"columns": 1, "lines": 1, "threads": 32, "cluster": 1}
_WHOLE = 1 << 10  # bits of neighbours that are read well as they are
_EARLY = 48  # registers that may hold extra operands while statistics are worked out


class StatisticsRows(Generated):
    """Softmax, log-softmax, layer and RMS normalization over any axes, with a pointwise epilogue."""

    ops = (Softmax, Normalization)

    def rejects(self, problem: Problem) -> str:
        """Types without a register form, or several results."""
        if len(problem.outputs) > 1:
            return "several results are not written"
        return prints(_finish(problem))

    def timed(self, problem: Problem) -> int:
        """From the usual level on."""
        return 3

    def tactics(self, problem: Problem) -> list[Spec]:
        """Who shares the rows: a few guesses."""
        return self._ways(problem)[:_FEW] or [{}]

    def further(self, problem: Problem) -> list[Spec]:
        """The other ways."""
        return self._ways(problem)[_FEW:_ALL]

    def _ways(self, problem: Problem) -> list[Spec]:
        found = shared_rows(problem, _rows(problem, {}))
        shape, order = problem.inputs[0].shape, problem.inputs[0].type.order
        sizes = [shape[axis] for axis in folded_axes(shape, _axes(problem), order)]
        fold = prod(size for size in sizes if isinstance(size, int))
        if fold < 2 or index_axes(_finish(problem)) or fold * problem.inputs[0].type.dtype.bits >= _WHOLE:
            return found
        folded = shared_rows(problem, _rows(problem, {**_ONE_LINE, "fold": fold}), fold)
        return [*folded[: _FEW - 1], *found[:1], *folded[_FEW - 1 :], *found[1:]]

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, extras = problem.op, problem.inputs[1:]
        made, at = _rows(problem, tactic), [piece.at for piece in _pieces(problem)]
        dtype, finish = problem.inputs[0].type.dtype, _finish(problem)
        spec: Spec = {**made.spec, "finish": encode(finish), "dtype": dtype.name, "early": _early(made, len(extras))}
        if isinstance(op, Softmax):
            spec["kind"] = "log" if op.log else "softmax"
        names = _names(len(extras))
        values: dict[str, Value] = {**rows_values(made, names), **dict(zip(names, at, strict=True))}
        if isinstance(op, Normalization):
            spec["kind"] = op.kind
            values["epsilon"] = float(op.epsilon)
        return Launches((self.launched(spec, values, made.grid),))

    def params(self, spec: Spec) -> list[Param]:
        """Addresses, the normalization's epsilon, and the rows' geometry."""
        finish = decode(spec["finish"])
        kinds = _kinds(spec, finish)
        names = _names(len(finish.args) - 1)
        out = [Param("ptr", n, f"{'' if n == 'y' else 'const '}{k}") for n, k in zip(names, kinds, strict=True)]
        out += [Param("f32", "epsilon")] if spec["kind"] in ("layer", "rms") else []
        return out + rows_params(spec, names)

    def text(self, spec: Spec) -> CudaSource:
        """Statistics, then results."""
        finish = decode(spec["finish"])
        body = _softmax(spec, finish) if spec["kind"] in ("softmax", "log") else _normalization(spec, finish)
        head = _SUM + _MOST + cuda_function(finish, "epilogue")
        params = self.params(spec)
        shared = spec["cluster"] > 1
        body += "cluster_wait();\n" if shared else ""
        files = ("cluster.cuh", "groups.cuh") if shared else ("groups.cuh",)
        made = kernel_text("statistics_rows", params, body, spec["threads"], spec["wide"], head, files, alone=True)
        bound = f"__launch_bounds__({spec['threads']}, "
        dims = f" __cluster_dims__({spec['cluster']}, 1, 1)" if shared else ""
        return CudaSource(made.text.replace(f"{bound}1)", f"{bound}{_beside(spec)}){dims}"), made.entry)


def _beside(spec: Spec) -> int:
    """Blocks that a multiprocessor should hold, so that some read while others wait: what registers allow unspilled."""
    numbers, extras = spec["held"] * spec["vector"], len(spec["early"])
    few = spec["mode"] == "outer" and spec["dtype"] in ("f16", "bf16") and spec["modes"][0] == "row" and extras <= 2
    if not few or not numbers or spec["kind"] not in ("layer", "rms"):
        return 1
    return max(1, (1024 if numbers <= 32 else 768) // int(spec["threads"]))


def _axes(problem: Problem) -> tuple[int, ...]:
    op = problem.op
    return (op.axis,) if isinstance(op, Softmax) else op.axes if isinstance(op, Normalization) else ()


def _pieces(problem: Problem) -> list[Piece]:
    """Operand, result, extra operands, over the operand's shape."""
    (x, *extras), (y,) = problem.inputs, problem.outputs
    pieces = [Piece(Address("in", 0), x.type.dtype, x.strides, x.aligned)]
    pieces.append(Piece(Address("out", 0), y.type.dtype, y.strides, y.aligned))
    for i, extra in enumerate(extras, 1):
        pieces.append(Piece(Address("in", i), extra.type.dtype, broadcast_strides(extra, y.shape), extra.aligned))
    return pieces


def _rows(problem: Problem, how: Spec) -> Rows:
    x, y = problem.inputs[0], problem.outputs[0]
    read = [axis + len(y.shape) for axis in index_axes(_finish(problem))]
    return rows(problem, x.shape, _axes(problem), _pieces(problem), x.type.order, held=True, sealed=read, how=how)


def _early(made: Rows, extras: int) -> list[str]:
    """When each extra operand is read: "once", where it is the same along a row; "first", beside the row; or last."""
    spec = made.spec
    once = [all(same(s, 0) for s in made.reduced.strides[2 + i]) for i in range(extras)]
    rest = [i for i in range(extras) if not once[i]]
    first = spec["held"] * spec["vector"] * len(rest) <= _EARLY and spec["held"] > 0
    return ["once" if once[i] else "first" if first else "last" for i in range(extras)]


def _finish(problem: Problem) -> Body:
    op, dtype = problem.op, problem.inputs[0].type.dtype
    if isinstance(op, Normalization):
        return op.finish(dtype)
    return Body((dtype.compute,), (cast(arg(0, dtype.compute), dtype),))


def _names(extras: int) -> list[str]:
    return ["x", "y", *(f"e{i}" for i in range(extras))]


def _kinds(spec: Spec, finish: Body) -> list[str]:
    source = {"f16": "f16", "bf16": "bf16", "f32": "float", "f64": "double"}[spec["dtype"]]
    return [source, storage(finish.results[0].dtype), *(storage(d) for d in finish.args[1:])]


class _Writer:
    """Text of passes over the thread's elements, each seen as ``v[j]`` of type R; the first pass may keep them."""

    def __init__(self, spec: Spec, finish: Body, fixed: bool = False) -> None:
        """``fixed``: what is kept does not change, so that it is kept as it is stored."""
        self.spec, self.finish = spec, finish
        self.kind = register_type(finish.args[0])
        self.row = which(spec)
        self.kinds = [register_type(d) for d in finish.args[1:]]
        self.text = f"typedef {self.kind} R;\n" + setup_text(spec, _names(len(self.kinds)))
        self.held = bool(spec["held"])
        self.combined = 0
        fetch = ""
        self.raw = ""
        if fixed and self.held and spec["vector"] > 1 and spec["modes"][0] == "row":
            self.raw = f"Vector<{_kinds(spec, finish)[0]}, {spec['vector']}>"
            self.text += f"{self.raw} kept[{spec['held']}];\n"
            fetch = f"kept[chunk] = *(const {self.raw}*)(x + {element_offset(spec, 'x')});\n"
        elif self.held:
            self.text += f"R kept[{spec['held']}][{spec['vector']}];\n"
            fetch = f"R (&v)[{spec['vector']}] = kept[chunk];\n" + load_text(spec, spec["modes"][0], "x", "v")
        for i, (kind, when) in enumerate(zip(self.kinds, spec["early"], strict=True)):
            if when == "once":
                self.text += f"{kind} w{i}[{spec['vector']}];\n{self._extra(i, {**spec, 'reduced': 0})}"
            elif when == "first":
                self.text += f"{kind} early{i}[{spec['held']}][{spec['vector']}];\n"
                fetch += f"{kind} (&w{i})[{spec['vector']}] = early{i}[chunk];\n{self._extra(i, spec)}"
        self.text += loop_text(spec, fetch) if fetch else ""

    def _extra(self, number: int, spec: Spec) -> str:
        single = not spec["reduced"] and spec["mode"] == "inner"
        return load_text(spec, "one" if single else spec["modes"][2 + number], f"e{number}", f"w{number}")

    def _load(self) -> str:
        spec = self.spec
        if self.raw:
            each = "v[j] = (R)widen(kept[chunk].v[j]);"
            return f"R v[{spec['vector']}];\n#pragma unroll\nfor (int j = 0; j < {spec['vector']}; j++) {each}\n"
        if self.held:
            return f"R (&v)[{spec['vector']}] = kept[chunk];\n"
        return f"R v[{spec['vector']}];\n" + load_text(spec, spec["modes"][0], "x", "v")

    def over(self, each: str, once: str = "") -> None:
        """A pass: ``each`` for every element, ``once`` for every vector."""
        inside = f"{self._load()}#pragma unroll\nfor (int j = 0; j < {self.spec['vector']}; j++) {{ {each} }}\n"
        self.text += loop_text(self.spec, inside + once)

    def gather(self, name: str, start: str, each: str, how: str) -> None:
        """A statistic ``name`` of each row: ``each`` adds an element to it, and threads combine theirs."""
        self.text += f"R {name}[W];\nfor (int w = 0; w < W; w++) {name}[w] = {start};\n"
        self.over(each)
        self.text += combine_text(self.spec, name, f"{how}()", self.combined)
        self.combined += 1

    def write(self, value: str) -> None:
        """The last pass: the epilogue of ``value`` into the result."""
        spec, vector = self.spec, self.spec["vector"]
        if spec["cluster"] > 1:
            self.text += "cluster_arrive();\n"  # other blocks' memory is read no more
        loads = ""
        for i, (kind, when) in enumerate(zip(self.kinds, spec["early"], strict=True)):
            if when == "first":
                loads += f"{kind} (&w{i})[{vector}] = early{i}[chunk];\n"
            elif when == "last":
                loads += f"{kind} w{i}[{vector}];\n{self._extra(i, spec)}"
        args = [value, *(f"w{i}[j]" for i in range(len(self.kinds)))]
        args += [coordinate(spec, number) for number in range(len(index_axes(self.finish)))]
        result = register_type(self.finish.results[0].dtype)
        each = f"z[j] = epilogue({', '.join(args)});"
        inside = (
            f"{self._load()}{loads}{result} z[{vector}];\n#pragma unroll\nfor (int j = 0; j < {vector}; j++) {each}\n"
        )
        store = store_text(spec, spec["modes"][1], "y", _kinds(spec, self.finish)[1], "z")
        self.text += loop_text(spec, inside + store)


def _softmax(spec: Spec, finish: Body) -> str:
    made = _Writer(spec, finish)
    double = made.kind == "double"
    exp, log = ("exp", "log") if double else ("expf" if spec["dtype"] == "f32" else "__expf", "logf")
    low = "__longlong_as_double((i64)0xfff0000000000000ll)" if double else "-__uint_as_float(0x7f800000u)"
    row = made.row
    made.gather("most", low, f"most[{row}] = greatest(most[{row}], v[j]);", "Most")
    if spec["kind"] == "log":
        made.gather("sum", "0", f"sum[{row}] += {exp}(v[j] - most[{row}]);", "Sum")
        made.text += f"for (int w = 0; w < W; w++) most[w] += {log}(sum[w]);\n"
        made.write(f"v[j] - most[{row}]")
        return made.text
    if made.held:
        made.gather("sum", "0", f"v[j] = {exp}(v[j] - most[{row}]); sum[{row}] += v[j];", "Sum")
    else:
        made.gather("sum", "0", f"sum[{row}] += {exp}(v[j] - most[{row}]);", "Sum")
    made.text += "for (int w = 0; w < W; w++) sum[w] = 1 / sum[w];\n"
    made.write(f"v[j] * sum[{row}]" if made.held else f"{exp}(v[j] - most[{row}]) * sum[{row}]")
    return made.text


def _normalization(spec: Spec, finish: Body) -> str:
    made = _Writer(spec, finish, fixed=True)
    row = made.row
    count = f"((R)length * {spec['fold']})" if spec["fold"] > 1 else "(R)length"
    root = "sqrt" if made.kind == "double" else "sqrtf"
    if spec["kind"] == "layer" and made.held:
        _moments(made)
    elif spec["kind"] == "layer":
        made.gather("mean", "0", f"mean[{row}] += v[j];", "Sum")
        made.text += f"for (int w = 0; w < W; w++) mean[w] = mean[w] / {count};\n"
        made.gather("scale", "0", f"const R d = v[j] - mean[{row}]; scale[{row}] += d * d;", "Sum")
    else:
        made.gather("scale", "0", f"scale[{row}] += v[j] * v[j];", "Sum")
    made.text += f"for (int w = 0; w < W; w++) scale[w] = 1 / {root}(scale[w] / {count} + (R)epsilon);\n"
    made.write(f"(v[j] - mean[{row}]) * scale[{row}]" if spec["kind"] == "layer" else f"v[j] * scale[{row}]")
    return made.text


def _moments(made: _Writer) -> None:
    """``mean`` and ``scale`` (a sum of squares) of rows that are kept: each thread's own first, then all."""
    spec, row = made.spec, made.row
    made.text += "Moments<R> all[W];\nint vectors = 0;\n"
    made.text += "for (int w = 0; w < W; w++) all[w].mean = all[w].square = 0;\n"
    made.over(f"all[{row}].mean += v[j];", "vectors++;\n")
    made.text += f"const R seen = (R)(vectors * {spec['vector'] if spec['mode'] == 'inner' else 1});\n"
    made.text += (
        "for (int w = 0; w < W; w++) {\nall[w].count = seen;\nall[w].mean = seen > 0 ? all[w].mean / seen : 0;\n}\n"
    )
    made.over(f"const R d = v[j] - all[{row}].mean; all[{row}].square += d * d;")
    made.text += combine_text(spec, "all", "Together()", made.combined)
    made.combined += 1
    made.text += (
        "R mean[W], scale[W];\nfor (int w = 0; w < W; w++) { mean[w] = all[w].mean; scale[w] = all[w].square; }\n"
    )
