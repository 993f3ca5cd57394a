"""Work over some axes for each place of the others: who handles what, and the text of the loops.

The axes split into ``kept`` ones, which number the rows, and ``reduced`` ones, along which a row runs. In mode "inner"
a group of neighbouring threads shares a row, and a thread's vector runs along it; in mode "outer" a vector runs along
the kept axis whose elements are adjacent, and ``lines`` of threads share its rows. A row that fits stays in registers.

With ``fold`` > 1, only in mode "outer", that many neighbouring columns are one row: the innermost axes in memory, which
are reduced, count as kept ones until statistics are combined (groups of channels, channels last). With ``cluster`` > 1
the blocks of a cluster share their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil as whole_up

from minirt.ir.op import broadcast
from minirt.kernels.cuda.generate import Param, Value, blocks
from minirt.kernels.cuda.map import Piece
from minirt.kernels.cuda.nest import INT_LIMIT, Nest, coordinates, nest, offset, same
from minirt.kernels.kernel import Operand, Problem
from minirt.plan.launch import Spec
from minirt.types.dim import Dim, mul

_HELD_NUMBERS = 32  # registers of a thread that may hold its part of a row
HELD_COLUMNS = 64
"""The same where a thread has several rows."""
_GROUPS = (32, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Rows:
    """The two nests, and the spec that says how threads share them (JSON, part of a kernel's spec)."""

    kept: Nest
    reduced: Nest
    spec: Spec

    @property
    def grid(self) -> tuple[Dim, Dim, Dim]:
        """Blocks for all rows."""
        return (mul(blocks(self.kept.total, rows_per_block(self.spec))[0], self.spec["cluster"]), 1, 1)


def rows_per_block(spec: Spec) -> int:
    """Rows that one block of threads handles."""
    if spec["mode"] == "inner":
        return int(spec["threads"]) // int(spec["group"])
    return int(spec["columns"]) * int(spec["vector"])


def full_shape(operands: Sequence[Operand]) -> tuple[Dim, ...]:
    """The shape that operands broadcast to."""
    return broadcast(*(o.shape for o in operands))


def rows(
    problem: Problem,
    shape: Sequence[Dim],
    axes: Sequence[int],
    pieces: Sequence[Piece],
    order: Sequence[int],
    held: bool = False,
    sealed: Sequence[int] = (),
    how: Spec | None = None,
) -> Rows:
    """How to run over ``axes`` of ``shape``; piece 0 is read most, and ``held`` asks to keep rows in registers.

    ``order`` is the memory order of the shape's axes in piece 0. Axes in ``sealed`` keep a coordinate each: the spec's
    "coordinates" says which, as ``coordinate`` reads it. ``how`` replaces the guess of who shares what: "group" or
    "columns" and "lines", with "threads", "cluster", and "fold" where columns are folded.
    """
    folded = folded_axes(shape, axes, order) if how and how.get("fold", 1) > 1 else []
    kept_axes = [a for a in order if a not in axes or a in folded]
    reduced_axes = [a for a in order if a in axes and a not in folded]
    parts = ((chosen, _within(sealed, chosen)) for chosen in (kept_axes, reduced_axes))
    kept, reduced = (
        nest([shape[a] for a in chosen], [[p.strides[a] for a in chosen] for p in pieces], sealed=own)
        for chosen, own in parts
    )
    places = [
        ("d", reduced.place(reduced_axes.index(a))) if a in reduced_axes else ("c", kept.place(kept_axes.index(a)))
        for a in sealed
    ]
    inner = not folded and (same(reduced.strides[0][-1], 1) or not same(kept.strides[0][-1], 1))
    along, across = (reduced, kept) if inner else (kept, reduced)
    vector, modes = _vector(problem, along, across, pieces)
    wide = kept.wide(problem.bounds) or reduced.wide(problem.bounds) or _reach(problem, kept, reduced) > INT_LIMIT
    spec: Spec = {"mode": "inner" if inner else "outer", "vector": vector, "modes": modes, "wide": wide,
                  "kept": kept.rank, "reduced": reduced.rank, "held": 0,
                  "fold": 1, "cluster": 1,
                  "coordinates": [f"{name}{place}" if place >= 0 else "0" for name, place in places]}  # fmt: skip
    length, count = problem.likely(reduced.total), problem.likely(kept.total)
    if how:
        spec |= how | {"held": _held(problem, reduced.total, spec | how)}
    elif inner:
        spec |= _groups(problem, reduced.total, length, count, vector, held)
    else:
        spec |= _columns(problem, length, count, vector, pieces[0])
    return Rows(kept, reduced, spec)


def folded_axes(shape: Sequence[Dim], axes: Sequence[int], order: Sequence[int]) -> list[int]:
    """The reduced axes inside all kept ones, where more are reduced than those; their sizes must be known."""
    last = max((place for place, axis in enumerate(order) if axis not in axes), default=-1)
    tail = list(order[last + 1 :])
    known = last >= 0 and all(isinstance(shape[axis], int) for axis in tail)
    return tail if known and len(tail) < len(axes) else []


def _held(problem: Problem, length: Dim, spec: Spec) -> int:
    """Vectors of a row that a thread keeps in registers; 0 where they are too many."""
    if spec["mode"] == "inner":
        each, most = spec["group"] * spec["cluster"] * spec["vector"], _HELD_NUMBERS
    else:
        each, most = spec["lines"] * spec["cluster"], HELD_COLUMNS
    chunks = max(1.0, problem.bounds(length)[1] / each)
    return whole_up(chunks) if chunks < 1 << 20 and whole_up(chunks) * spec["vector"] <= most else 0


def _within(sealed: Sequence[int], chosen: Sequence[int]) -> list[int]:
    return [chosen.index(axis) for axis in sealed if axis in chosen]


def coordinate(spec: Spec, number: int, step: str = "j") -> str:
    """The coordinate of element ``step`` of a vector along sealed axis ``number``, as i64."""
    name = spec["coordinates"][number]
    along = f"d{spec['reduced'] - 1}" if spec["mode"] == "inner" else f"c{spec['kept'] - 1}"
    return f"(i64){name}" + (f" + {step}" if name == along else "")


def _reach(problem: Problem, kept: Nest, reduced: Nest) -> float:
    return max(problem.bounds(mul(kept.total, reduced.total))[1], 0.0)


def _vector(problem: Problem, along: Nest, across: Nest, pieces: Sequence[Piece]) -> tuple[int, list[str]]:
    for vector in (8, 4, 2):
        modes = [_mode(problem, along.strides[i], across.strides[i], p, vector) for i, p in enumerate(pieces)]
        served = [p.dtype.bits for p, mode in zip(pieces, modes, strict=True) if mode == "row"]
        fits = modes[0] == "row" and vector * pieces[0].dtype.bits <= 128 and vector * min(served) <= 128
        if fits and problem.divisible(along.sizes[-1], vector):
            return vector, modes
    return 1, ["any"] * len(pieces)


def _mode(problem: Problem, along: Sequence[Dim], across: Sequence[Dim], piece: Piece, vector: int) -> str:
    if same(along[-1], 0):
        return "one"
    lies = same(along[-1], 1) and piece.aligned and all(problem.divisible(s, vector) for s in (*along[:-1], *across))
    return "row" if lies else "any"


def _groups(problem: Problem, size: Dim, length: int, count: int, vector: int, held: bool) -> Spec:
    most = problem.bounds(size)[1]
    if held:
        for group in _GROUPS:
            if most <= group * _HELD_NUMBERS and (length <= group * _HELD_NUMBERS // 2 or group == _GROUPS[-1]):
                chunks = max(1, whole_up(most / (group * vector)))
                return {"group": group, "threads": max(group, 128), "held": chunks}
        return {"group": 1024 if length > 16384 else 256, "threads": 1024 if length > 16384 else 256}
    vectors = length // vector
    group = 8 if vectors <= 32 else 32 if vectors <= 512 else 256 if count > 264 or vectors <= 4096 else 1024
    return {"group": group, "threads": max(group, 128)}


def _columns(problem: Problem, length: int, count: int, vector: int, piece: Piece) -> Spec:
    if length < 16:
        return {"columns": 128, "lines": 1, "threads": 128}
    full_line = vector * piece.dtype.bits >= 128
    few = count // (32 * vector) < 2 * problem.target.multiprocessors
    columns = 8 if few and full_line else 32
    return {"columns": columns, "lines": 256 // columns, "threads": 256}


def rows_params(spec: Spec, names: Sequence[str]) -> list[Param]:
    """Number of rows, their length, sizes of both nests, and every operand's strides along both."""
    out = [Param("I", "rows"), Param("I", "length")]
    out += [Param("I", f"n{axis}") for axis in range(1, spec["kept"])]
    out += [Param("I", f"m{axis}") for axis in range(1, spec["reduced"])]
    for name in names:
        out += [Param("I", f"{name}_{axis}") for axis in range(spec["kept"])]
        out += [Param("I", f"{name}_r{axis}") for axis in range(spec["reduced"])]
    return out


def rows_values(made: Rows, names: Sequence[str]) -> dict[str, Value]:
    """Values of ``rows_params``."""
    values: dict[str, Value] = {"rows": made.kept.total, "length": made.reduced.total}
    values |= {f"n{axis}": size for axis, size in enumerate(made.kept.sizes)}
    values |= {f"m{axis}": size for axis, size in enumerate(made.reduced.sizes)}
    for i, name in enumerate(names):
        values |= {f"{name}_{axis}": stride for axis, stride in enumerate(made.kept.strides[i])}
        values |= {f"{name}_r{axis}": stride for axis, stride in enumerate(made.reduced.strides[i])}
    return values


def setup_text(spec: Spec, names: Sequence[str]) -> str:
    """The thread's row (``row``, ``ok`` where it exists), its coordinates, and each operand's offset ``b_<name>``.

    ``part`` is the thread's place among those that share a row, and W the number of rows that it computes at once.
    """
    cluster = spec["cluster"]
    block, rank = (f"(I)blockIdx.x / {cluster}", "cluster_rank()") if cluster > 1 else ("(I)blockIdx.x", "0")
    if spec["mode"] == "inner":
        group = spec["group"]
        text = f"const int part = {rank} * {group} + threadIdx.x % {group};\nconstexpr int W = 1;\n"
        text += f"const I own = {block} * {spec['threads'] // group} + threadIdx.x / {group};\n"
    else:
        columns, vector = spec["columns"], spec["vector"]
        text = f"const int part = {rank} * {spec['lines']} + threadIdx.x / {columns};\nconstexpr int W = {vector};\n"
        text += f"const I own = ({block} * {columns} + threadIdx.x % {columns}) * {vector};\n"
    text += "const bool ok = own < rows;\nconst I row = ok ? own : 0;\n" + coordinates(spec["kept"], "row")
    return text + "".join(f"const I b_{name} = {offset(spec['kept'], name)};\n" for name in names)


def loop_text(spec: Spec, inside: str, begin: str = "0", end: str = "length") -> str:
    """``inside`` for every vector of the thread's rows: it sees ``r``, the element's number along the row.

    Coordinates along the row are ``d0`` ..; ``chunk`` counts the vectors.
    """
    vector = spec["vector"] if spec["mode"] == "inner" else 1
    share = (spec["group"] if spec["mode"] == "inner" else spec["lines"]) * spec["cluster"]
    where = coordinates(spec["reduced"], "r", "d", "m")
    if spec["held"]:
        return (
            f"#pragma unroll\nfor (int chunk = 0; chunk < {spec['held']}; chunk++) {{\n"
            f"const I r = {begin} + (I)(chunk * {share} + part) * {vector};\nif (r < {end}) {{\n{where}{inside}}}\n}}\n"
        )
    return (
        f"#pragma unroll 2\nfor (I r = {begin} + (I)part * {vector}; r < {end}; r += {share * vector}) {{\n"
        f"{where}{inside}}}\n"
    )


def element_offset(spec: Spec, name: str) -> str:
    """Offset of the vector's first element."""
    terms = [f"d{axis} * {name}_r{axis}" for axis in range(spec["reduced"])]
    return " + ".join([f"b_{name}", *terms])


def _step(spec: Spec, name: str) -> str:
    last = f"r{spec['reduced'] - 1}" if spec["mode"] == "inner" else str(spec["kept"] - 1)
    return f"{name}_{last}"


def load_text(spec: Spec, mode: str, name: str, to: str) -> str:
    """Loads the vector at (row, r) of an operand into the array ``to``."""
    vector, at = spec["vector"], element_offset(spec, name)
    if mode == "row" and vector > 1:
        return f"load_vector<{vector}>({to}, {name} + {at});\n"
    step = "" if mode == "one" else f" + j * {_step(spec, name)}"
    each = f"{to}[j] = widen({name}[o{step}]);"
    return f"{{ const I o = {at};\n#pragma unroll\nfor (int j = 0; j < {vector}; j++) {each} }}\n"


def store_text(spec: Spec, mode: str, name: str, kind: str, value: str) -> str:
    """Stores the array ``value`` to the vector at (row, r) of a result."""
    vector, at = spec["vector"], element_offset(spec, name)
    if mode == "row" and vector > 1:
        return f"if (ok) store_vector<{vector}>({name} + {at}, {value});\n"
    each = f"{name}[o + j * {_step(spec, name)}] = Narrow<{kind}>::of({value}[j]);"
    return f"if (ok) {{ const I o = {at};\n#pragma unroll\nfor (int j = 0; j < {vector}; j++) {each} }}\n"


def which(spec: Spec) -> str:
    """Index of the row that element j of a vector belongs to, among the thread's W."""
    return "0" if spec["mode"] == "inner" else "j"


def combine_text(spec: Spec, name: str, function: str, number: int = 0) -> str:
    """Combines the array ``name`` of W numbers over the threads that share the rows; ``number``: which time this is."""
    cluster = spec["cluster"]
    if spec["mode"] == "inner":
        text = f"{name}[0] = combine_group<{spec['group']}>({name}[0], {function});\n"
        more = f"{name}[0] = combine_cluster<{cluster}, {number}>({name}[0], {function});\n"
        return text + more if cluster > 1 else text
    sizes = f"{spec['columns']}, {spec['lines']}, W, {spec['fold']}, {cluster}, {number}"
    return f"combine_columns<{sizes}>({name}, {function});\n"
