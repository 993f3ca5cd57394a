"""The CUDA C++ printer of scalar expressions: one device function for a body, over values in registers.

Every float of 32 bits or fewer is a ``float`` in registers, already rounded to its type; storing rounds, so a result's
last rounding is left to the store.  The text uses the names of ``elements.cuh`` (``i64``, ``round_f16``, ``int_div``
and so on), and holds only minted names and checked numbers.

Where all results are floats of 16 bits, functions are taken that are exact to a few units in 2^22, and 1 + erf,
1 + tanh and, of f16, x / 2 * (1 + erf(x / sqrt(2))) are functions of their own: what they are to be rounded to is 2^11
times coarser.  So they are, but for 1 + erf, after a sum of products of numbers rounded to TF32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minirt.errors import MinirtError
from minirt.ir.scalar import Body, Scalar, postorder
from minirt.types.dtype import DType, bool_

_REGISTERS = {
    "f16": "float", "bf16": "float", "f32": "float", "f64": "double", "bool": "bool", "i8": "i8", "i16": "i16",
    "i32": "int", "i64": "i64", "u8": "u8", "u16": "u16", "u32": "u32", "u64": "u64",
    "f8e4m3": "float", "f8e4m3fnuz": "float", "f8e5m2": "float", "f8e5m2fnuz": "float", "f8e8m0": "float",
}  # fmt: skip
_INFIX = {"add": "+", "sub": "-", "mul": "*", "bitand": "&", "bitor": "|", "bitxor": "^", "lt": "<", "le": "<=",
          "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "&&", "or": "||", "xor": "!="}  # fmt: skip
_MATH = frozenset(
    "floor ceil trunc sqrt exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf log1p expm1 "
    "atan2 fmod pow".split()
)  # the same name in C, with an f for float
_OWN = {"min": "least", "max": "greatest", "mod": "floor_mod", "sign": "sign_of", "rsqrt": "rsqrt_of"}
_INTEGER = {"div": "int_div", "fmod": "int_rem", "mod": "int_mod", "pow": "int_pow", "shl": "shift_left",
            "shr": "shift_right"}  # fmt: skip
_NEAR = frozenset("exp sqrt rsqrt recip tanh div".split())
_FREE = frozenset("floor ceil trunc round".split())  # an integer is its own


def register_type(dtype: DType) -> str:
    """The C++ type that holds an element in registers; raises MinirtError for types that kernels do not take."""
    if dtype.name not in _REGISTERS:
        raise MinirtError(f"CUDA kernels do not compute on {dtype}")
    return _REGISTERS[dtype.name]


def prints(body: Body) -> str:
    """Why the body cannot be printed, as a sentence; "" when it can."""
    for node in postorder(body.results):
        if node.dtype.name not in _REGISTERS:
            return f"CUDA kernels do not compute on {node.dtype}"
    for dtype in body.args:
        if dtype.name not in _REGISTERS:
            return f"CUDA kernels do not compute on {dtype}"
    return ""


def index_axes(body: Body) -> tuple[int, ...]:
    """Output axes (negative, ascending) whose coordinate the body reads."""
    return tuple(sorted({int(n.value or 0) for n in postorder(body.results) if n.fn == "index"}))


def cuda_function(body: Body, name: str, rounded: bool = False) -> str:
    """The text of ``DEV R name(a0, a1, ..., [coordinates])``, which returns the only result.

    ``rounded``: the body follows a sum of products of numbers rounded to TF32.

    With several results it is ``DEV void name(a0, ..., [coordinates], R0& r0, R1& r1, ...)``.  A coordinate of output
    axis -k is the parameter ``i64 xk``, in the order of ``index_axes``.
    """
    params = [f"{register_type(d)} a{i}" for i, d in enumerate(body.args)]
    params += [f"i64 x{-axis}" for axis in index_axes(body)]
    names: dict[Scalar, str] = {}
    lines: list[str] = []
    roots = tuple(_unrounded(r) for r in body.results)
    coarse = _coarsest(body) or ("tf32" if rounded and all(r.dtype.name == "f32" for r in body.results) else "")
    for node in postorder(roots):
        if node.fn == "arg":
            names[node] = f"a{node.value}"
        elif node.fn == "index":
            names[node] = f"x{-int(node.value or 0)}"
        elif node.fn == "const":
            names[node] = _constant(node)
        else:
            names[node] = f"t{len(lines)}"
            text = _near(node, names, coarse) if coarse else ""
            text = text or _expression(node, [names[a] for a in node.args])
            lines.append(f"  const {register_type(node.dtype)} {names[node]} = {text};\n")
    inside = "".join(lines)
    if len(roots) == 1:
        result = register_type(body.results[0].dtype)
        return f"DEV {result} {name}({', '.join(params)}) {{\n{inside}  return {names[roots[0]]};\n}}\n"
    params += [f"{register_type(r.dtype)}& r{i}" for i, r in enumerate(body.results)]
    sets = "".join(f"  r{i} = {names[r]};\n" for i, r in enumerate(roots))
    return f"DEV void {name}({', '.join(params)}) {{\n{inside}{sets}}}\n"


def _coarsest(body: Body) -> str:
    """The type that functions need be exact for, where all results are floats of 16 bits; else ""."""
    found = {r.dtype.name for r in body.results}
    return "" if not found or found - {"f16", "bf16"} else "f16" if found == {"f16"} else "bf16"


def _near(node: Scalar, names: dict[Scalar, str], coarse: str) -> str:
    """The node by a function that is exact enough for results as exact as ``coarse``; "" where there is none."""
    if node.dtype.name != "f32":
        return ""
    if node.fn == "mul" and coarse in ("f16", "tf32") and (x := _gelu_of(node)):
        return f"gelu_{coarse}({names[x]})"
    if node.fn == "add":
        one, other = sorted(node.args, key=lambda x: x.fn != "const")
        fitted = ("tanh",) if coarse == "tf32" else ("erf", "tanh")
        if one.fn == "const" and one.value == 1 and other.fn in fitted:
            return f"one_plus_{other.fn}{f'_{coarse}' if other.fn == 'erf' else ''}({names[other.args[0]]})"
    if node.fn == "div":
        over, under = node.args
        if under.fn == "const" and 2.0**-100 < abs(float(under.value or 0)) < 2.0**100:
            return f"{names[over]} * {(1 / float(under.value or 0)).hex()}f"
        if under.fn == "add" and {a.fn for a in under.args} == {"const", "exp"}:
            if any(a.fn == "const" and 2.0**-20 < float(a.value or 0) < 2.0**20 for a in under.args):
                reciprocal = "recip_large" if coarse == "f16" else "recip_near"  # bf16 has numbers as small as a float
                return f"{names[over]} * {reciprocal}({names[under]})"
    if node.fn in _NEAR:
        return f"{node.fn}_near({', '.join(names[a] for a in node.args)})"
    return ""


def _gelu_of(node: Scalar) -> Scalar | None:
    """The x of a product x * 0.5 * (1 + erf(x / sqrt(2))), in any order; None of another."""
    factors: list[Scalar] = []
    for part in node.args:
        factors += part.args if part.fn == "mul" else [part]
    sums = [f for f in factors if f.fn == "add" and _constant_of(f.args, 1.0) and f.args[0].fn != f.args[1].fn]
    inner = next((a for f in sums for a in f.args if a.fn == "erf"), None)
    if len(factors) != 3 or inner is None or not _constant_of(factors, 0.5):
        return None
    scaled, rest = inner.args[0], [f for f in factors if f not in sums and f.fn != "const"]
    if len(rest) != 1 or rest[0] not in scaled.args:
        return None
    fits = scaled.fn == "mul" and _constant_of(scaled.args, 0.5**0.5)
    fits = fits or (scaled.fn == "div" and scaled.args[0] == rest[0] and _constant_of(scaled.args[1:], 2**0.5))
    return rest[0] if fits else None


def _constant_of(nodes: Sequence[Scalar], value: float) -> bool:
    """True where one of them is this constant, to the places of a 16-bit float's exact functions."""
    return any(n.fn == "const" and abs(float(n.value or 0) - value) <= 1e-6 * value for n in nodes)


def _unrounded(result: Scalar) -> Scalar:
    narrow = result.fn == "cast" and result.dtype.is_float and result.dtype.bits < 32
    return result.args[0] if narrow and register_type(result.args[0].dtype) == "float" else result


def _constant(node: Scalar) -> str:
    value, dtype = node.value, node.dtype
    if dtype is bool_:
        return "true" if value else "false"
    if dtype.is_integer:
        assert isinstance(value, int)
        return f"({register_type(dtype)})0x{value & (2**64 - 1):x}ull"
    number = float(value or 0.0)
    double = dtype.bits == 64
    if not math.isfinite(number):
        return _special(number, double)
    return number.hex() if double else f"{number.hex()}f"


def _special(number: float, double: bool) -> str:
    if double:
        bits = "0x7ff8" if number != number else "0x7ff0" if number > 0 else "0xfff0"
        return f"__longlong_as_double({bits}{'0' * 12}ll)"
    bits = "0x7fffffff" if number != number else "0x7f800000" if number > 0 else "0xff800000"
    return f"__uint_as_float({bits}u)"


def _expression(node: Scalar, args: list[str]) -> str:
    fn, dtype = node.fn, node.dtype
    if fn == "cast":
        return _cast(node.args[0].dtype, dtype, args[0])
    if fn == "select":
        return f"{args[0]} ? {args[1]} : {args[2]}"
    operand = node.args[0].dtype
    if fn in _INTEGER and not operand.is_float:
        return f"{_INTEGER[fn]}({args[0]}, {args[1]})"
    if fn in _INFIX:
        return f"({register_type(dtype)})({args[0]} {_INFIX[fn]} {args[1]})"
    if fn == "div":
        return f"{args[0]} / {args[1]}"
    if fn in _OWN:
        return f"{_OWN[fn]}({', '.join(args)})"
    return _unary(fn, dtype, operand, args)


def _unary(fn: str, dtype: DType, operand: DType, args: list[str]) -> str:
    kind, x = register_type(dtype), args[0]
    suffix = "" if operand.bits == 64 else "f"
    if fn in ("neg", "bitnot", "not"):
        sign = {"neg": "-", "bitnot": "~", "not": "!"}[fn]
        return f"({kind})({sign}{x})"
    if fn in ("isnan", "isinf", "isposinf", "isneginf"):
        return _special_test(fn, operand, x)
    if not operand.is_float:
        if fn in _FREE:
            return x
        if fn == "abs":
            return f"({kind})({x} < 0 ? -{x} : {x})" if operand.kind == "i" else x
        if fn == "recip":
            return f"int_div(({kind})1, {x})"
        return f"({kind}){fn}((double){x})"
    if fn == "abs":
        return f"fabs{suffix}({x})"
    if fn == "round":
        return f"rint{suffix}({x})"
    if fn == "recip":
        return f"1.0{suffix} / {x}"
    if fn in _MATH:
        return f"{fn}{suffix}({', '.join(args)})"
    raise MinirtError(f"the CUDA printer has no rule for {fn!r}")


def _special_test(fn: str, operand: DType, x: str) -> str:
    if not operand.is_float:
        return "false"
    if fn == "isnan":
        return f"{x} != {x}"
    infinity = "__longlong_as_double(0x7ff0000000000000ll)" if operand.bits == 64 else "__uint_as_float(0x7f800000u)"
    if fn == "isinf":
        return f"fabs{'' if operand.bits == 64 else 'f'}({x}) == {infinity}"
    return f"{x} == {'-' if fn == 'isneginf' else ''}{infinity}"


def _cast(source: DType, target: DType, x: str) -> str:
    kind = register_type(target)
    if target is bool_:
        return f"{x} != 0"
    if target.is_float and target.bits < 32:
        wide = x if register_type(source) in ("float", "double") else f"(float){x}"
        return f"round_{target.name}({wide})"
    if target.is_integer and source.is_float:
        return f"to_integer<{kind}>({x})"
    return x if kind == register_type(source) else f"({kind}){x}"
