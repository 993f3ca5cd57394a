"""CUDA C++ text of the attention kernels: a generated head (types, sizes, arguments) before the body files.

A ``spec`` holds what is fixed at compile time: ``method`` ("mma", "wgmma", "resident" or "join"), ``dtype`` (f32,
which mma alone takes, is multiplied as TF32), ``tile`` [rows of queries, rows of keys], ``heads`` [size of a query's
head, of a value's], both padded to what the method multiplies, ``causal``, ``mask`` (None or its element type),
``mask_row`` (the mask is the same for every query), ``guard``, ``empty``, ``fast_out`` (rows of the result are 16-byte
aligned); for mma ``vectors`` (so are those of the operands), ``split``: each block reads some of the keys, and "join"
joins what they leave, ``cluster``: the blocks of a cluster do and join it themselves (1: none), ``across``: warps that
share 16 queries; for wgmma ``stages``, ``q_stages``, ``consumers``, ``registers`` [of the warpgroup that feeds, of
those that multiply], ``per_sm``, and four ways to save time: ``turns`` (two warpgroups multiply in turn), ``hold``
(queries stay in registers), ``lazy`` (sums are scaled only where some greatest score has grown), ``soft`` (a quarter
of the exponentials are polynomials; only where every query sees a key), and ``across``, warpgroups that share 64
queries; for resident, wgmma where one tile holds all keys of a head, ``stages`` (of heads' keys and values),
``q_stages`` (of 64 queries), ``consumers``, ``registers``. Sizes and strides, in elements, are run-time arguments;
``scale`` and ``hidden`` are in units of base-2 exponents.
"""

from __future__ import annotations

from dataclasses import dataclass

from minirt.kernels.cuda.generate import FOLLOW, STORAGE, body_file
from minirt.kernels.cuda.matrix_source import C_TYPE, Args, Spec, constants_text

_SIZES = ("batch", "heads", "ratio", "s", "t", "d", "dv", "offset", "group", "groups")
_HOPPER = ("wgmma", "resident")
_TYPES = {**C_TYPE, "f32": "float", "floats": "float*"}


@dataclass(frozen=True)
class Source:
    """One kernel to compile: its text, entry name, arguments in order, threads of a block, dynamic shared bytes."""

    text: str
    entry: str
    args: Args
    threads: int
    shared: int


def attention_args(spec: Spec) -> Args:
    """Run-time arguments: sizes, the two factors, then addresses and strides."""
    args: Args = [(name, "i32") for name in _SIZES] + [("scale", "f32"), ("hidden", "f32")]
    parts: Args = [("part", "i32"), ("parts", "i32"), ("partial", "floats"), ("stats", "floats")]
    strides = [("o", "bhsd"), ("mask", "bhst")]
    if spec["method"] == "mma":
        strides = [("q", "bhs"), ("k", "bhs"), ("v", "bhs"), *strides]
        args += parts
    elif spec["method"] == "join":
        args, strides = args + parts, strides[:1]
    else:
        args += [(f"{x}_moves", "i32") for x in "qkv"] + [(f"t{x}", "map") for x in "qkv"]
    for name, axes in strides:
        args += [(name, "ptr"), *((f"{name[0]}_{axis}", "i64") for axis in axes)]
    return args


def shared_bytes(spec: Spec) -> int:
    """Dynamic shared memory of a block."""
    (bm, bn), (hd, hdv) = spec["tile"], spec["heads"]
    if spec["method"] == "join":
        return 0
    if spec["method"] == "mma":
        across, cluster = spec.get("across", 1), spec.get("cluster", 1)
        sets = 0 if across == cluster == 1 else across + (cluster > 1)  # of sums, see attention_share.cuh
        size = 4 if spec["dtype"] == "f32" else 2
        tiles = bm * (size * hd + 16) + 2 * bn * (size * (hd + hdv) + 32)
        return max(int(tiles), int(4 * sets * bm * (hdv + 10)))
    rows, across = 64 if spec["method"] == "resident" else bm, spec.get("across", 1)
    sums = 4 * across * bm * (hdv + 10) if across > 1 else 0
    return int(sums + spec["q_stages"] * rows * hd * 2 + spec["stages"] * bn * (hd + hdv) * 2 + 1024)


def score_columns(spec: Spec) -> int:
    """Columns of one product of queries and keys: half a tile where sums exceed a thread's first registers."""
    columns = int(spec["tile"][1])
    if spec["method"] != "resident":
        return columns
    registers = 65536 // (128 * (int(spec["consumers"]) + 1)) // 8 * 8
    return columns if columns // 2 + 26 <= registers else columns // 2


def attention_source(spec: Spec) -> Source:
    """The whole text: shared files, the head, the body, the entry."""
    method, args, mask = spec["method"], attention_args(spec), spec["mask"]
    constants, threads, blocks, head = _constants(spec), _threads(spec), _blocks(spec), ""
    cluster = spec.get("cluster", 1) if method == "mma" else 1
    hopper = method in _HOPPER
    if hopper:
        threads, blocks = 128 * (int(spec["consumers"]) + 1), spec["per_sm"]
        head = _score(score_columns(spec), spec["dtype"], bool(spec.get("hold")))
        head += _gather(spec["heads"][1], spec["dtype"])
    elif method == "join":
        threads, blocks = spec["tile"][0], 1
    types = f"typedef {STORAGE[spec['dtype']]} In;\ntypedef {STORAGE[mask or 'bool']} MaskType;\n"
    files = ["elements.cuh", "tile.cuh", *(["hopper.cuh"] if hopper else [])]
    files += ["cluster.cuh"] if cluster > 1 else []
    shared = ["attention_share.cuh"] if method in ("mma", "wgmma") else []
    shared += ["attention_turns.cuh"] if hopper else []
    bodies = ["attention_join.cuh"] if method == "join" else ["attention.cuh", *shared, f"attention_{method}.cuh"]
    parts = [*map(body_file, files), types, head, constants_text(constants), _struct(args), *map(body_file, bodies)]
    entry = f"attention_{method}"
    bound = f"__launch_bounds__({threads}, {blocks})" + (f" __cluster_dims__(1, {cluster}, 1)" if cluster > 1 else "")
    text = "\n".join([*parts, _entry(entry, args, bound)])
    return Source(text, entry, args, threads, shared_bytes(spec))


def _threads(spec: Spec) -> int:
    """Threads of a block of mma.sync: a warp for 16 queries, or ``across`` of them."""
    return int(2 * spec["tile"][0] * spec.get("across", 1))


def _constants(spec: Spec) -> dict[str, int | bool]:
    (bm, bn), (hd, hdv), mask = spec["tile"], spec["heads"], spec["mask"]
    found: dict[str, int | bool] = {
        "BM": bm, "BN": bn, "HD": hd, "HDV": hdv, "CAUSAL": bool(spec["causal"]), "MASK_ROW": bool(spec["mask_row"]),
        "MASK": 0 if mask is None else 1 if mask == "bool" else 2, "GUARD": bool(spec["guard"]),
        "EMPTY": bool(spec["empty"]), "FAST_OUT": bool(spec["fast_out"]), "SPLIT": bool(spec.get("split")),
        "VECTORS": bool(spec.get("vectors")),
        "GROUPS": spec["method"] == "wgmma", "LAZY": bool(spec.get("lazy")), "SOFT": bool(spec.get("soft")),
    }  # fmt: skip
    if spec["method"] == "mma":
        found |= {"ACROSS": spec.get("across", 1), "CLUSTER": spec.get("cluster", 1), "NT": _threads(spec)}
    if spec["method"] in _HOPPER:
        low, high = spec["registers"]
        found |= {"COLUMNS": score_columns(spec), "ACROSS": spec.get("across", 1), "CLUSTER": 1}
        found["NT"] = 128 * int(spec["consumers"])
        found |= {
            "STAGES": spec["stages"], "Q_STAGES": spec["q_stages"], "CONSUMERS": int(spec["consumers"]),
            "TURNS": bool(spec.get("turns")), "HOLD": bool(spec.get("hold")),
            "FEEDER_REGISTERS": low, "REGISTERS": high,
        }  # fmt: skip
    return found


def _blocks(spec: Spec) -> int:
    """Blocks of mma.sync that a multiprocessor should hold, where their registers allow it."""
    small = max(spec["heads"]) <= 64 and (spec["mask"] is None or spec["mask_row"]) and spec["dtype"] != "f32"
    return 3 if small and spec["tile"][0] == 64 and spec.get("across", 1) == 1 else 1


def _struct(args: Args) -> str:
    fields = "".join(f"  {_TYPES[kind]} {name};\n" for name, kind in args if kind != "map")
    return f"struct Args {{\n{fields}}};\n"


def _entry(entry: str, args: Args, bound: str) -> str:
    params = ", ".join(f"{_TYPES[kind]} {name}" for name, kind in args)
    sets = "".join(f"  p.{name} = {name};\n" for name, kind in args if kind != "map")
    maps = "".join(f", {name}" for name, kind in args if kind == "map")
    return f'extern "C" __global__ void {bound} {entry}({params}) {{\n{FOLLOW}  Args p;\n{sets}  run(p{maps});\n}}\n'


_FRAGMENT = ", ".join(f'"r"(a[{i}])' for i in range(4))


def _score(n: int, dtype: str, held: bool) -> str:
    """``score(d, q, held, k, keep)``: 64 x n products of rows of q, in registers or not, and rows of k."""
    if held:
        return _product("score", n, dtype, "u64, u32 (&a)[4]", _FRAGMENT, 4, "1, 1, 0")
    return _product("score", n, dtype, "u64 a, u32 (&)[4]", '"l"(a)', 1, "1, 1, 0, 0")


def _gather(n: int, dtype: str) -> str:
    """``gather(d, a, v, keep)``: 64 x n products of a in registers and v, whose rows are the inner dimension."""
    return _product("gather", n, dtype, "u32 (&a)[4]", _FRAGMENT, 4, "1, 1, 1")


def _product(name: str, n: int, dtype: str, a: str, operand: str, count: int, flags: str) -> str:
    sums = n // 2
    registers = ",".join(f"%{i}" for i in range(sums))
    outputs = ", ".join(f'"+f"(d[{i}])' for i in range(sums))
    left = f"%{sums}" if count == 1 else "{" + ",".join(f"%{sums + i}" for i in range(count)) + "}"
    return (
        f"DEV void {name}(float (&d)[{sums}], {a}, u64 b, int keep) {{\n"
        f'  asm volatile("{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{sums + count + 1}, 0;\\n"\n'
        f'    "wgmma.mma_async.sync.aligned.m64n{n}k16.f32.{dtype}.{dtype} {{{registers}}}, "\n'
        f'    "{left}, %{sums + count}, p, {flags};\\n}}"\n'
        f'    : {outputs} : {operand}, "l"(b), "r"(keep));\n}}\n'
    )
