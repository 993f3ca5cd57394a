"""Softmax and normalization: statistics of each row, then every element again; rows that fit stay in registers."""

from __future__ import annotations

from minirt.ir.scalar import Body, arg, cast, decode, encode
from minirt.ir.scalar_cuda import cuda_function, index_axes, prints, register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage
from minirt.kernels.cuda.map import Piece
from minirt.kernels.cuda.nest import broadcast_strides
from minirt.kernels.cuda.rows import (
    combine_text,
    coordinate,
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


class StatisticsRows(Generated):
    """Softmax, log-softmax, layer and RMS normalization over any axes, with a pointwise epilogue."""

    ops = (Softmax, Normalization)

    def rejects(self, problem: Problem) -> str:
        """Types without a register form, or several results."""
        if len(problem.outputs) > 1:
            return "several results are not written"
        return prints(_finish(problem))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x, *extras), (y,) = problem.op, problem.inputs, problem.outputs
        pieces = [Piece(Address("in", 0), x.type.dtype, x.strides, x.aligned)]
        pieces.append(Piece(Address("out", 0), y.type.dtype, y.strides, y.aligned))
        for i, extra in enumerate(extras, 1):
            strides = broadcast_strides(extra, y.shape)
            pieces.append(Piece(Address("in", i), extra.type.dtype, strides, extra.aligned))
        axes = (op.axis,) if isinstance(op, Softmax) else op.axes if isinstance(op, Normalization) else ()
        read = [axis + len(y.shape) for axis in index_axes(_finish(problem))]
        made = rows(problem, x.shape, axes, pieces, x.type.order, held=True, sealed=read)
        spec: Spec = {**made.spec, "finish": encode(_finish(problem)), "dtype": x.type.dtype.name}
        if isinstance(op, Softmax):
            spec["kind"] = "log" if op.log else "softmax"
        names = _names(len(extras))
        values: dict[str, Value] = {**rows_values(made, names), **dict(zip(names, (p.at for p in pieces), strict=True))}
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
        return kernel_text("statistics_rows", params, body, spec["threads"], spec["wide"], head, ("groups.cuh",))


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

    def __init__(self, spec: Spec, finish: Body) -> None:
        self.spec, self.finish = spec, finish
        self.kind = register_type(finish.args[0])
        self.row = which(spec)
        self.text = f"typedef {self.kind} R;\n" + setup_text(spec, _names(len(finish.args) - 1))
        self.held = bool(spec["held"])
        if self.held:
            self.text += f"R kept[{spec['held']}][{spec['vector']}];\n"
        self.loaded = False

    def _load(self) -> str:
        spec = self.spec
        if not self.held:
            return f"R v[{spec['vector']}];\n" + load_text(spec, spec["modes"][0], "x", "v")
        fetch = "" if self.loaded else load_text(spec, spec["modes"][0], "x", "v")
        return f"R (&v)[{spec['vector']}] = kept[chunk];\n{fetch}"

    def over(self, each: str) -> None:
        """A pass: ``each`` for every element."""
        inside = f"{self._load()}#pragma unroll\nfor (int j = 0; j < {self.spec['vector']}; j++) {{ {each} }}\n"
        self.text += loop_text(self.spec, inside)
        self.loaded = True

    def gather(self, name: str, start: str, each: str, how: str) -> None:
        """A statistic ``name`` of each row: ``each`` adds an element to it, and threads combine theirs."""
        self.text += f"R {name}[W];\nfor (int w = 0; w < W; w++) {name}[w] = {start};\n"
        self.over(each)
        self.text += combine_text(self.spec, name, f"{how}()")

    def write(self, value: str) -> None:
        """The last pass: the epilogue of ``value`` into the result."""
        spec, vector = self.spec, self.spec["vector"]
        kinds = _kinds(spec, self.finish)
        loads = "".join(
            f"{register_type(d)} w{i}[{vector}];\n{load_text(spec, spec['modes'][2 + i], f'e{i}', f'w{i}')}"
            for i, d in enumerate(self.finish.args[1:])
        )
        args = [value, *(f"w{i}[j]" for i in range(len(self.finish.args) - 1))]
        args += [coordinate(spec, number) for number in range(len(index_axes(self.finish)))]
        result = register_type(self.finish.results[0].dtype)
        each = f"z[j] = epilogue({', '.join(args)});"
        inside = (
            f"{self._load()}{loads}{result} z[{vector}];\n#pragma unroll\nfor (int j = 0; j < {vector}; j++) {each}\n"
        )
        self.text += loop_text(spec, inside + store_text(spec, spec["modes"][1], "y", kinds[1], "z"))


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
    made = _Writer(spec, finish)
    row = made.row
    root = "sqrt" if made.kind == "double" else "sqrtf"
    if spec["kind"] == "layer":
        made.gather("mean", "0", f"mean[{row}] += v[j];", "Sum")
        made.text += "for (int w = 0; w < W; w++) mean[w] = mean[w] / (R)length;\n"
        made.gather("scale", "0", f"const R d = v[j] - mean[{row}]; scale[{row}] += d * d;", "Sum")
    else:
        made.gather("scale", "0", f"scale[{row}] += v[j] * v[j];", "Sum")
    made.text += f"for (int w = 0; w < W; w++) scale[w] = 1 / {root}(scale[w] / (R)length + (R)epsilon);\n"
    made.write(f"(v[j] - mean[{row}]) * scale[{row}]" if spec["kind"] == "layer" else f"v[j] * scale[{row}]")
    return made.text
