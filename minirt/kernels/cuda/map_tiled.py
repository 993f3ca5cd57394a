"""Pointwise regions and copies whose operands run along another axis than the results.

Tiles are turned in shared memory, or, where both axes are made of whole vectors, squares of vectors in registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.ir.scalar import Body, decode, encode
from minirt.ir.scalar_cuda import cuda_function, index_axes, register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage, stride_params, stride_values
from minirt.kernels.cuda.map import MOVES, MapVector, Piece, names_of, pieces_of
from minirt.kernels.cuda.nest import Nest, nest, offset, same
from minirt.kernels.kernel import Problem
from minirt.ops.pointwise import Elementwise
from minirt.plan.launch import Launches, Spec
from minirt.types.dim import Dim, ceil, divide, mul

_WORTH = 12  # elements along both axes below which a tile is mostly empty
_MAX_STAGED = 4
_PADDING = {8: 4, 16: 2, 32: 1, 64: 1}  # elements that put the rows of a tile in different banks


@dataclass(frozen=True)
class _Turn:
    """A nest whose results run along its last axis, and ``staged`` operands along axis ``across``."""

    body: Body
    pieces: tuple[Piece, ...]
    walked: Nest
    across: int
    staged: tuple[int, ...]


def _turn(problem: Problem) -> _Turn | None:
    """What is to be turned; None where every operand runs along the results' axis."""
    body, ins, outs, result = pieces_of(problem)
    pieces = (*ins, *outs)
    walked = nest(result.shape, [p.strides for p in pieces], result.order)
    last = walked.rank - 1
    if not last or index_axes(body) or not all(same(s[last], 1) for s in walked.strides[len(ins) :]):
        return None
    for number in range(len(ins)):
        steps = walked.strides[number]
        across = next((axis for axis in range(last) if same(steps[axis], 1)), -1)
        if across < 0 or same(steps[last], 0) or same(steps[last], 1):
            continue
        if min(problem.likely(walked.sizes[axis]) for axis in (across, last)) < _WORTH:
            continue
        staged = [i for i in range(len(ins)) if _turns(walked.strides[i], across, last)]
        return _Turn(body, pieces, walked, across, tuple(staged[:_MAX_STAGED]))
    return None


def _turns(steps: Sequence[Dim], across: int, last: int) -> bool:
    return same(steps[across], 1) and not same(steps[last], 0) and not same(steps[last], 1)


class MapTiled(Generated):
    """Reads tiles along the operands' axis, turns them, writes along the results'."""

    ops = (Elementwise, *MOVES)
    rank = 40

    def rejects(self, problem: Problem) -> str:
        """What MapVector rejects, and whatever needs no turning."""
        reason = MapVector().rejects(problem)
        if reason:
            return reason
        return "" if _turn(problem) is not None else "no operand runs along another axis than the results"

    def timed(self, problem: Problem) -> int:
        """From the usual level on."""
        return 3

    def tactics(self, problem: Problem) -> list[Spec]:
        """Squares of vectors in registers, by how many threads read side by side; tiles in shared memory."""
        turn = _turn(problem)
        assert turn is not None
        fits = [size for size in (8, 4, 2) if _square(problem, turn, size)]
        squares: list[Spec] = [{"square": size, "lanes": lanes} for size in fits for lanes in (8, 4)]
        return [*squares[:3], {}]

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch, a block a tile."""
        turn = _turn(problem)
        assert turn is not None
        walked, last = turn.walked, turn.walked.rank - 1
        narrow = max(turn.pieces[i].dtype.bits for i in turn.staged) <= 16
        tile, square = 64 if narrow else 32, int(tactic.get("square", 0))
        count = len(turn.body.args)
        spec: Spec = {
            "body": encode(turn.body), "staged": list(turn.staged), "rank": walked.rank, "across": turn.across,
            "tile": tile, "wide": walked.wide(problem.bounds), "square": square,
        }  # fmt: skip
        along = {turn.across: tile, last: tile}
        if square:
            lanes = int(tactic["lanes"])
            spec |= {"lanes": lanes, "modes": [_mode(problem, turn, i, square) for i in range(count)]}
            along = {turn.across: lanes * square, last: self.threads // lanes * square}
        tiles = {axis: ceil(divide(walked.sizes[axis], size)) for axis, size in along.items()}
        values: dict[str, Value] = {"tiles_x": tiles[last], "tiles_y": tiles[turn.across]}
        values |= {f"n{axis}": size for axis, size in enumerate(walked.sizes)}
        for i, (name, piece) in enumerate(zip(names_of(turn.body), turn.pieces, strict=True)):
            values |= {name: piece.at, **stride_values(walked, i, name)}
        assert count + len(turn.body.results) == len(turn.pieces)
        grid: Dim = mul(tiles[last], tiles[turn.across])
        for axis in range(last):
            grid = mul(grid, walked.sizes[axis]) if axis != turn.across else grid
        return Launches((self.launched(spec, values, (grid, 1, 1)),))

    def params(self, spec: Spec) -> list[Param]:
        """Addresses, tiles along both axes, sizes and strides."""
        body = decode(spec["body"])
        out = [Param("ptr", f"x{i}", f"const {storage(d)}") for i, d in enumerate(body.args)]
        out += [Param("ptr", f"y{i}", storage(r.dtype)) for i, r in enumerate(body.results)]
        out += [Param("I", "tiles_x"), Param("I", "tiles_y"), *(Param("I", f"n{a}") for a in range(spec["rank"]))]
        for name in names_of(body):
            out += stride_params(name, spec["rank"])
        return out

    def text(self, spec: Spec) -> CudaSource:
        """Stage, turn, compute, store."""
        body = decode(spec["body"])
        inside = _squares(body, spec, self.threads) if spec["square"] else _body(body, spec)
        head = cuda_function(body, "region")
        return kernel_text(
            "map_tiled", self.params(spec), inside, self.threads, spec["wide"], head, alone=bool(spec["square"])
        )


def _square(problem: Problem, turn: _Turn, size: int) -> bool:
    """True where staged operands and results are read and written in whole vectors of ``size``, few enough to hold."""
    walked, last, results = turn.walked, turn.walked.rank - 1, len(turn.pieces) - len(turn.body.args)
    if not all(problem.divisible(walked.sizes[axis], size) for axis in (turn.across, last)):
        return False
    moved = [(i, turn.across) for i in turn.staged] + [(len(turn.body.args) + i, last) for i in range(results)]
    for i, axis in moved:
        piece, steps = turn.pieces[i], walked.strides[i]
        others = (s for place, s in enumerate(steps) if place != axis)
        if not piece.aligned or not same(steps[axis], 1) or not all(problem.divisible(s, size) for s in others):
            return False
    bits = [turn.pieces[i].dtype.bits for i, _ in moved]
    if _turns_all(turn):
        return len(turn.staged) * size * size * max(1, max(bits) // 32) <= 64 and size * max(bits) <= 128
    return False


def _turns_all(turn: _Turn) -> bool:
    """True where every operand that runs along the other axis is staged."""
    last = turn.walked.rank - 1
    found = [i for i in range(len(turn.body.args)) if _turns(turn.walked.strides[i], turn.across, last)]
    return tuple(found) == turn.staged


def _mode(problem: Problem, turn: _Turn, number: int, size: int) -> str:
    """How an operand is read along the results' axis: "staged", "row", "one", or "any"."""
    piece, steps = turn.pieces[number], turn.walked.strides[number]
    if number in turn.staged:
        return "staged"
    if same(steps[-1], 0):
        return "one"
    whole = same(steps[-1], 1) and piece.aligned and all(problem.divisible(s, size) for s in steps[:-1])
    return "row" if whole and size * piece.dtype.bits <= 128 else "any"


def _squares(body: Body, spec: Spec, threads: int) -> str:
    """A square of vectors a thread: ``lanes`` neighbouring threads read side by side, others along the results."""
    size, lanes, rank, across = spec["square"], spec["lanes"], spec["rank"], spec["across"]
    last, staged = rank - 1, spec["staged"]
    others = [axis for axis in range(last) if axis != across]
    text = "I b = blockIdx.x;\nconst I tx = b % tiles_x; b /= tiles_x;\nconst I ty = b % tiles_y; b /= tiles_y;\n"
    text += _batch(others)
    text += f"const I x = (tx * {threads // lanes} + threadIdx.x / {lanes}) * {size};\n"
    text += f"const I y = (ty * {lanes} + threadIdx.x % {lanes}) * {size};\n"
    text += f"if (x >= n{last} || y >= n{across}) return;\n"
    for name in names_of(body):
        text += f"const I o_{name} = {offset(rank, name, axes=others)};\n"
    kinds = [register_type(d) for d in body.args]
    for i in staged:
        load = f"load_vector<{size}>(s{i}[r], x{i} + o_x{i} + (x + r) * x{i}_{last} + y);"
        text += f"{kinds[i]} s{i}[{size}][{size}];\n#pragma unroll\nfor (int r = 0; r < {size}; r++) {load}\n"
    inside, args = "", []
    for i, mode in enumerate(spec["modes"]):
        at = f"x{i} + o_x{i} + (y + c) * x{i}_{across} + x * x{i}_{last}"
        args.append(f"s{i}[j][c]" if mode == "staged" else f"v{i}" if mode == "one" else f"v{i}[j]")
        if mode == "one":
            inside += f"const {kinds[i]} v{i} = widen(*({at}));\n"
        elif mode == "row":
            inside += f"{kinds[i]} v{i}[{size}];\nload_vector<{size}>(v{i}, {at});\n"
        elif mode == "any":
            each = f"v{i}[j] = widen(({at})[j * x{i}_{last}]);"
            inside += f"{kinds[i]} v{i}[{size}];\n#pragma unroll\nfor (int j = 0; j < {size}; j++) {each}\n"
    results = [register_type(r.dtype) for r in body.results]
    inside += "".join(f"{kind} r{i}[{size}];\n" for i, kind in enumerate(results))
    call = f"r0[j] = region({', '.join(args)});"
    if len(results) > 1:
        call = f"region({', '.join([*args, *(f'r{i}[j]' for i in range(len(results)))])});"
    inside += f"#pragma unroll\nfor (int j = 0; j < {size}; j++) {call}\n"
    for i in range(len(results)):
        inside += f"store_vector<{size}>(y{i} + o_y{i} + x + (y + c) * y{i}_{across}, r{i});\n"
    return text + f"#pragma unroll\nfor (int c = 0; c < {size}; c++) {{\n{inside}}}\n"


def _body(body: Body, spec: Spec) -> str:
    tile, rank, across, staged = spec["tile"], spec["rank"], spec["across"], spec["staged"]
    last = rank - 1
    others = [axis for axis in range(last) if axis != across]
    text = "".join(
        f"__shared__ {storage(body.args[i])} s{i}[{tile}][{tile + _PADDING[body.args[i].bits]}];\n" for i in staged
    )
    text += "const int lane = threadIdx.x & 31, line = threadIdx.x >> 5;\n"
    text += "I b = blockIdx.x;\nconst I tx = b % tiles_x; b /= tiles_x;\nconst I ty = b % tiles_y; b /= tiles_y;\n"
    text += _batch(others)
    for name in names_of(body):
        text += f"const I o_{name} = {offset(rank, name, axes=others)};\n"
    reads = "".join(f"s{i}[r][q] = x{i}[o_x{i} + x * x{i}_{last} + y];\n" for i in staged)
    text += _loop(tile, "x", "y", f"if (x < n{last} && y < n{across}) {{\n{reads}}}\n")
    args = []
    loads = ""
    for i, dtype in enumerate(body.args):
        if i in staged:
            loads += f"const {register_type(dtype)} v{i} = widen(s{i}[q][r]);\n"
        else:
            at = f"o_x{i} + x * x{i}_{last} + y * x{i}_{across}"
            loads += f"const {register_type(dtype)} v{i} = widen(x{i}[{at}]);\n"
        args.append(f"v{i}")
    kinds = [register_type(r.dtype) for r in body.results]
    call = f"const {kinds[0]} r0 = region({', '.join(args)});\n"
    if len(kinds) > 1:
        held = "".join(f"{kind} r{i};\n" for i, kind in enumerate(kinds))
        call = f"{held}region({', '.join([*args, *(f'r{i}' for i in range(len(kinds)))])});\n"
    stores = "".join(
        f"y{i}[o_y{i} + x + y * y{i}_{across}] = Narrow<{storage(r.dtype)}>::of(r{i});\n"
        for i, r in enumerate(body.results)
    )
    inside = f"if (x < n{last} && y < n{across}) {{\n{loads}{call}{stores}}}\n"
    return text + "__syncthreads();\n" + _loop(tile, "y", "x", inside)


def _batch(others: Sequence[int]) -> str:
    """Coordinates of the axes that are not tiled, from the rest of the block's number."""
    text = "".join(f"const I c{axis} = b % n{axis}; b /= n{axis};\n" for axis in reversed(others[1:]))
    return text + (f"const I c{others[0]} = b;\n" if others else "")


def _loop(tile: int, line: str, lane: str, inside: str) -> str:
    """Over a tile: a warp's lanes run along ``lane``, warps along ``line``."""
    return (
        f"#pragma unroll\nfor (int r = line; r < {tile}; r += 8) {{\n#pragma unroll\n"
        f"for (int q = lane; q < {tile}; q += 32) {{\n"
        f"const I {line} = t{line} * {tile} + r, {lane} = t{lane} * {tile} + q;\n{inside}}}\n}}\n"
    )
