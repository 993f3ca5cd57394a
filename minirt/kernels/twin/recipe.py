"""Recipes: ops whose kernels on both targets are routines of the little language, one for each kind of launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from minirt.ir.op import Op
from minirt.ir.scalar import Body, arg, call, cast, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import function_text
from minirt.kernels.cpu.pointwise import region_line, unsupported
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import STORAGE, Generated, Param, Value, blocks, kernel_text, raw_storage
from minirt.kernels.cuda.nest import INT_LIMIT
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.kernels.twin.language import REAL_CALLS, CudaPrinter, NumbaPrinter, Routine, parse
from minirt.plan.launch import Address, Arg, Counted, Integer, Launch, Launches, Real, Spec, Unit
from minirt.types.dim import Dim, mul, product
from minirt.types.dtype import DType, dtype_of, f32, f64, i64, u8, u16, u32, u64

_HOLDER = {8: u8, 16: u16, 32: u32, 64: u64}


@dataclass(frozen=True)
class Data:
    """An operand of a call: where it lies, its type, how many elements it spans; ``raw`` elements are only moved."""

    at: Address
    dtype: DType
    span: Dim
    raw: bool = False


@dataclass(frozen=True)
class Call:
    """One launch of a routine over ``count`` elements; ``cost`` is about how many operations an element takes.

    On a GPU each element has a thread, or ``block`` threads that share it: the routine then has their number as flag
    "block", its own thread as ``lane``, the recipe's shared arrays, and ``sync()``.
    """

    routine: str
    data: Mapping[str, Data]
    numbers: Mapping[str, Dim]
    count: Dim
    reals: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, str | int] = field(default_factory=dict)
    cost: int = 16
    wide: bool = False
    block: int = 0
    double: bool = False


@dataclass(frozen=True)
class Planned:
    """Calls in order, and bytes of scratch buffers.

    Where ``at`` is set, the first ``before`` calls leave there, as i64, the sizes that only the data tell, in the
    order of the op's dims; ``most`` bounds them where it is known.
    """

    calls: Sequence[Call]
    work: Sequence[Dim] = ()
    before: int = 0
    at: Address | None = None
    most: tuple[Dim, ...] = ()


class Recipe:
    """How both targets run some ops: refusals, calls, scratch memory, and the text of each routine."""

    name: ClassVar[str]
    ops: ClassVar[tuple[type[Op], ...]]
    rank: ClassVar[int] = 50
    shared: ClassVar[Mapping[str, str]] = {}
    """Arrays of a block, an element for each thread: the language's type by name."""
    by_bits: ClassVar[bool] = False
    """True where routines read and write whole numbers in place of the operands' own elements."""

    def rejects(self, problem: Problem) -> str:
        """Why it cannot run a problem; "" where it can."""
        return ""

    def plan(self, problem: Problem) -> Planned:
        """The calls."""
        raise NotImplementedError

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """Statements of a routine."""
        raise NotImplementedError


def operand_data(of: str, index: int, operand: Operand, raw: bool = False) -> Data:
    """A node's operand or result as a call takes it."""
    span: Dim = 1
    for n, s in zip(operand.shape, operand.strides, strict=True):
        span = span + mul(n, s)
    return Data(Address(of, index), operand.type.dtype, span, raw)


def strides_of(name: str, operand: Operand) -> dict[str, Dim]:
    """The operand's strides as numbers ``<name>_0`` ..."""
    return {f"{name}_{axis}": stride for axis, stride in enumerate(operand.strides)}


def split_text(names: Sequence[str], sizes: Sequence[str], number: str = "e") -> str:
    """Statements that split a number into coordinates, the last name's fastest."""
    lines = [f"rest = {number}"]
    for name, size in list(zip(names, sizes, strict=True))[:0:-1]:
        lines += [f"{name} = rest % {size}", f"rest = rest // {size}"]
    return "\n".join([*lines, f"{names[0]} = rest"]) + "\n"


def sizes_of(name: str, operand: Operand) -> dict[str, Dim]:
    """The operand's dims as numbers ``<name>0`` ..."""
    return {f"{name}{axis}": n for axis, n in enumerate(operand.shape)}


def coordinates(rank: int, sizes: str, number: str = "e") -> str:
    """Statements that split a number into ``c0`` ..."""
    return split_text([f"c{a}" for a in range(rank)], [f"{sizes}{a}" for a in range(rank)], number) if rank else ""


def place(name: str, rank: int) -> str:
    """The offset of the coordinates."""
    return " + ".join(f"c{a} * {name}_{a}" for a in range(rank)) or "0"


def registers(data: Data) -> str:
    """The language's type of an operand's elements."""
    return "w" if data.raw else "r" if data.dtype.is_float else "i"


class _Twin(Kernel):
    """What the kernels of both targets have in common."""

    recipe: ClassVar[Recipe]

    def rejects(self, problem: Problem) -> str:
        """What the recipe refuses, and types that the target does not hold."""
        return ("" if self.recipe.by_bits else self.untaken(problem)) or self.recipe.rejects(problem)

    def untaken(self, problem: Problem) -> str:
        """Element types that the target does not hold."""
        raise NotImplementedError

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The recipe's calls."""
        planned = self.recipe.plan(problem)
        counted = None if planned.at is None else Counted(planned.before, planned.at, planned.most)
        return Launches(tuple(self.called(problem, c) for c in planned.calls), tuple(planned.work), (), counted)

    def called(self, problem: Problem, one: Call) -> Launch:
        """One call as a launch."""
        raise NotImplementedError

    def spec_of(self, problem: Problem, one: Call) -> Spec:
        """What is compiled for a call."""
        reach = [one.count, *(d.span for d in one.data.values())]
        real = "f64" if one.double or any(d.dtype is f64 and not d.raw for d in one.data.values()) else "f32"
        return {
            "routine": one.routine, "flags": dict(one.flags), "real": real,
            "data": [[n, _held(d).name, registers(d)] for n, d in one.data.items()],
            "numbers": list(one.numbers), "reals": list(one.reals),
            "wide": one.wide or any(problem.bounds(r)[1] > INT_LIMIT for r in reach),
        }  # fmt: skip

    def routine_of(self, spec: Spec) -> Routine:
        """The parsed routine of a spec."""
        numbers = {name: "i" for name in ["e", *spec["numbers"]]} | {name: "r" for name in spec["reals"]}
        operands = {name: kind for name, _, kind in spec["data"]}
        if "block" in spec["flags"]:
            numbers["lane"] = "i"
            operands |= self.recipe.shared
        return parse(self.recipe.text(spec["routine"], spec["flags"]), operands, numbers)


def _held(data: Data) -> DType:
    return _HOLDER[data.dtype.bits] if data.raw else data.dtype


class _TwinCpu(_Twin):
    """A recipe on the CPU: a loop around the routine, which Numba compiles."""

    def untaken(self, problem: Problem) -> str:
        """Types without CPU code."""
        return unsupported(tuple(o.type.dtype for o in (*problem.inputs, *problem.outputs)))

    def called(self, problem: Problem, one: Call) -> Launch:
        """Addresses, whole numbers, reals."""
        args: list[Arg] = [d.at for d in one.data.values()]
        args += [Integer(n) for n in one.numbers.values()] + [Real(r, 64) for r in one.reals.values()]
        return Launch(
            Unit(self.name, self.spec_of(problem, one)), tuple(args), (one.count, max(1, 60_000 // one.cost), 1)
        )

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The routine's text within its loop."""
        routine = self.routine_of(spec)
        real, word = dtype_of(spec["real"]), {"f32": "float32", "f64": "float64"}[spec["real"]]
        imports = [f"from numba import {word} as real, int64, boolean"]
        for name, dtype, kind in spec["data"]:
            imports += _regions(name, dtype_of(dtype), {"w": dtype_of(dtype), "i": i64, "r": real}[kind])
        body_lines = NumbaPrinter(routine).lines(routine.body)
        imports += _functions(real, "\n".join(body_lines))
        names = [n for n, _, _ in spec["data"]] + list(spec["numbers"])
        lines = [f"{n} = args[{i}]" for i, n in enumerate(names)]
        if spec["reals"]:
            imports.append("from minirt.kernels.cpu.pointers import as_f64")
        lines += [f"{n} = real(as_f64(args[{len(names) + i}]))" for i, n in enumerate(spec["reals"])]
        zero = {"i": "int64(0)", "r": "real(0)", "b": "False"}
        lines += [f"{n} = {zero[k]}" for n, k in routine.variables.items() if k != "w"]
        return CpuUnit(
            f"{self.name}_{spec['routine']}",
            function_text(imports, [*lines, "for e in range(lo, hi):", *(f"    {b}" for b in body_lines)]),
        )


def _functions(real: DType, text: str) -> list[str]:
    """Lines that make the functions that a text calls."""
    found = ["from minirt.kernels.twin.ticks import ticks as fn_ticks"] if "fn_ticks(" in text else []
    for fn in REAL_CALLS:
        if f"fn_{fn}(" in text:
            body = encode(Body((real,), (call(fn, arg(0, real)),)))
            spec = {"body": body, "args": ["value"], "outs": ["value"], "coords": []}
            found.append(region_line(f"fn_{fn}", spec))
    return found


def _regions(name: str, dtype: DType, held: DType) -> list[str]:
    """Lines that make an operand's load and store."""
    value = arg(0, dtype) if held is dtype else cast(wide(arg(0, dtype)), held)
    load = {"body": encode(Body((dtype,), (value,))), "args": ["1"], "outs": ["value"], "coords": []}
    store = {
        "body": encode(Body((held,), (cast(arg(0, held), dtype),))),
        "args": ["value"],
        "outs": ["1"],
        "coords": [],
    }
    return [region_line(f"load_{name}", load), region_line(f"store_{name}", store)]


class _TwinCuda(_Twin, Generated):
    """A recipe on a GPU: a thread for each element."""

    target = "cuda"

    def untaken(self, problem: Problem) -> str:
        """Types without a C++ form."""
        bad = [o.type.dtype for o in (*problem.inputs, *problem.outputs) if o.type.dtype.name not in STORAGE]
        return f"elements of type {bad[0]} are not taken" if bad else ""

    def called(self, problem: Problem, one: Call) -> Launch:
        """A launch over the elements."""
        values: dict[str, Value] = {n: d.at for n, d in one.data.items()}
        values |= {**one.numbers, **one.reals, "count": one.count}
        if one.block:
            one = replace(one, flags={**one.flags, "block": one.block})
        spec = self.spec_of(problem, one)
        if one.block:
            return self.launched(spec, values, (one.count, 1, 1), (one.block, 1, 1))
        return self.launched(spec, values, blocks(one.count, self.threads))

    def params(self, spec: Spec) -> list[Param]:
        """Operands, whole numbers, reals, and the number of elements."""
        out = [Param("ptr", name, _element(dtype, kind)) for name, dtype, kind in spec["data"]]
        out += [Param("I", n) for n in spec["numbers"]] + [Param("f32", n) for n in spec["reals"]]
        return [*out, Param("I", "count")]

    def text(self, spec: Spec) -> CudaSource:
        """The routine's text for one element."""
        routine = self.routine_of(spec)
        real = "double" if spec["real"] == "f64" else "float"
        head = f"typedef {real} R;\n{_FUNCTIONS}"
        for name, dtype, kind in spec["data"]:
            element = _element(dtype, kind)
            given = {"w": element, "i": "I", "r": "R"}[kind]
            head += f"DEV {element} put_{name}({given} x) {{ return Narrow<{element}>::of(x); }}\n"
        threads = int(spec["flags"].get("block", 0))
        if threads:
            body = "const I e = blockIdx.x, lane = threadIdx.x;\n"
            for name, kind in self.recipe.shared.items():
                body += f"__shared__ {kind.upper()} {name}[{threads}];\n"
                head += f"DEV {kind.upper()} put_{name}({kind.upper()} x) {{ return x; }}\n"
        else:
            body = f"const I e = (I)blockIdx.x * {self.threads} + threadIdx.x;\nif (e >= count) return;\n"
        for name, kind in routine.variables.items():
            body += {"i": f"I {name} = 0;\n", "r": f"R {name} = 0;\n", "b": f"bool {name} = false;\n", "w": ""}[kind]
        body += "\n".join(CudaPrinter(routine).lines(routine.body)) + "\n"
        return kernel_text(spec["routine"], self.params(spec), body, threads or self.threads, spec["wide"], head)


def _element(dtype: str, kind: str) -> str:
    return raw_storage(dtype_of(dtype)) if kind == "w" else STORAGE[dtype]


_FUNCTIONS = """
DEV void sync() { __syncthreads(); }
DEV i64 ticks() { u64 t; asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t)); return (i64)t; }
template <class T> DEV T min_of(T a, T b) { return b < a ? b : a; }
template <class T> DEV T max_of(T a, T b) { return b > a ? b : a; }
DEV float floor_of(float x) { return floorf(x); }
DEV double floor_of(double x) { return floor(x); }
DEV float ceil_of(float x) { return ceilf(x); }
DEV double ceil_of(double x) { return ceil(x); }
DEV float round_of(float x) { return rintf(x); }
DEV double round_of(double x) { return rint(x); }
DEV float sqrt_of(float x) { return sqrtf(x); }
DEV double sqrt_of(double x) { return sqrt(x); }
DEV float exp_of(float x) { return expf(x); }
DEV double exp_of(double x) { return exp(x); }
DEV float log_of(float x) { return logf(x); }
DEV double log_of(double x) { return log(x); }
DEV float sin_of(float x) { return sinf(x); }
DEV double sin_of(double x) { return sin(x); }
DEV float cos_of(float x) { return cosf(x); }
DEV double cos_of(double x) { return cos(x); }
DEV float abs_of(float x) { return fabsf(x); }
DEV double abs_of(double x) { return fabs(x); }
"""


def register(recipe: Recipe) -> None:
    """Kernels of a recipe for both targets, called ``<name>Cpu`` and ``<name>Cuda``."""
    for base, suffix in ((_TwinCpu, "Cpu"), (_TwinCuda, "Cuda")):
        fields = {
            "ops": recipe.ops,
            "rank": recipe.rank,
            "recipe": recipe,
            "__doc__": recipe.__doc__,
            "__module__": __name__,
        }
        type(f"{recipe.name}{suffix}", (base,), fields)


def dense_size(operand: Operand) -> Dim:
    """Elements of an operand."""
    return product(operand.shape)


__all__ = ["Call", "Data", "Recipe", "dense_size", "f32", "operand_data", "register", "split_text", "strides_of"]
