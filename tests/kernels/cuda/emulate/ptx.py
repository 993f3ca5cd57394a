"""PTX instructions as calls of the emulator: one pattern for each form that the kernels use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import count

_NUMBERS = {"f16": "emu::Kind::f16", "bf16": "emu::Kind::bf16", "tf32": "emu::Kind::tf32"}
_TYPES = {"b16": "emu::u16", "u16": "emu::u16", "b32": "emu::u32", "f32": "float", "pred": "bool", "u32": "emu::u32"}
_LABELS = count()
Emit = Callable[[re.Match[str], list[str]], str]


def _vector(names: Sequence[str], kind: str, source: str) -> str:
    """Loads of neighbouring numbers."""
    size = 4 if kind[1:] == "32" else 2
    loads = "".join(f" {name} = emu::load<{_TYPES[kind]}>(emu_at + {size * i});" for i, name in enumerate(names))
    return f"{{ const auto* emu_at = (const emu::u8*)({source});{loads} }}"


def _load(found: re.Match[str], args: list[str]) -> str:
    names, size = args[:-1], (4 if found["kind"][1:] == "32" else 2) * len(args[:-1])
    windows = {"shared": "emu::shared_at", "shared::cluster": "emu::cluster_at"}
    place = f"{windows[found['space']]}({args[-1]}, {size})" if found["space"] in windows else args[-1]
    return _vector(names, found["kind"], place)


def _store(found: re.Match[str], args: list[str]) -> str:
    kind, values = found["kind"], args[1:]
    size = 4 if kind[1:] == "32" else 2
    place = f"emu::shared_at({args[0]}, {size * len(values)})" if found["space"] == "shared" else args[0]
    stores = "".join(f" emu::store<{_TYPES[kind]}>(emu_at + {size * i}, {v});" for i, v in enumerate(values))
    return f"{{ auto* emu_at = (emu::u8*)({place});{stores} }}"


def _tile(found: re.Match[str], args: list[str]) -> str:
    rank = int(found["rank"])
    to, map_, at, bar = args[0], args[1], args[2 : 2 + rank], args[2 + rank]
    rest = args[3 + rank :]
    mask = rest.pop() if found["many"] else "0"
    made = f"const int emu_at[] = {{{', '.join(at)}}};"
    if found["how"] == "tile":
        return f"{{ {made} emu::copy_tile({to}, (const void*){map_}, {bar}, {rank}, emu_at, {mask}); }}"
    made += f" const emu::u16 emu_offsets[] = {{{', '.join(rest)}}};"
    return f"{{ {made} emu::copy_pixels({to}, (const void*){map_}, {bar}, emu_at, emu_offsets, {mask}); }}"


def _first_of(args: Sequence[str]) -> str:
    """The array of which these are the elements in order."""
    found = [re.fullmatch(r"\((\w+)\[(\d+)\]\)", a) for a in args]
    names = {m[1] for m in found if m}
    in_order = all(m is not None and int(m[2]) == i for i, m in enumerate(found))
    if not in_order or len(names) != 1:
        raise ValueError(f"registers {', '.join(args[:4])} .. are no array in order")
    return names.pop()


def _wgmma(found: re.Match[str], args: list[str]) -> str:
    n, sums = int(found["n"]), int(found["n"]) // 2
    d, rest = _first_of(args[:sums]), args[sums:]
    split = next(i for i, text in enumerate(rest) if text.isdigit())
    rest, options = rest[:split], rest[split:]
    held = len(rest) == 6
    a = (_first_of(rest[:4]), "0") if held else ("nullptr", rest[0])
    b, keep = rest[-2:]
    if options[:2] != ["1", "1"] or (len(options) == 4 and options[2] != "0"):
        raise ValueError(f"wgmma with {options} is not emulated")
    by_k = "true" if found["kind"] == "tf32" or options[-1] == "0" else "false"
    return f"emu::wgmma({_NUMBERS[found['kind']]}, {n}, {d}, {', '.join(a)}, {b}, {keep}, {by_k});"


def _mma(found: re.Match[str], args: list[str]) -> str:
    if args[:4] != args[10:14]:
        raise ValueError("mma.sync adds to other registers than it writes")
    return f"emu::mma({_NUMBERS[found['kind']]}, {_first_of(args[:4])}, {_first_of(args[4:8])}, {args[8]}, {args[9]});"


def _elect(found: re.Match[str], args: list[str]) -> str:
    return f'emu::aligned("elect.sync"); {args[0].removeprefix("_|")} = (threadIdx.x & 31) == 0;'


def _halves(found: re.Match[str], args: list[str]) -> str:
    high, low = (f"(emu::u32)emu::to_{found['kind']}({arg})" for arg in args[1:])
    return f"{args[0]} = {low} | {high} << 16;"


def _calls(text: str) -> Emit:
    """A statement with the operands at {0}, {1} .."""
    return lambda found, args: text.format(*args)


_TABLE: list[tuple[str, Emit]] = [
    (r"mbarrier\.init\.shared::cta\.b64", _calls("emu::mbarrier_init({0}, {1});")),
    (r"mbarrier\.arrive\.expect_tx\.shared::cta\.b64", _calls("emu::mbarrier_expect({1}, {2});")),
    (r"mbarrier\.arrive\.shared::cta\.b64", _calls("emu::mbarrier_arrive({1});")),
    (r"mbarrier\.arrive\.shared::cluster\.b64", _calls("emu::mbarrier_arrive_remote({1});")),
    (r"mbarrier\.try_wait\.parity\.shared::cta\.b64", _calls("{0} = emu::mbarrier_wait({1}, {2});")),
    (r"fence\.mbarrier_init\.release\.cluster|prefetch\.(tensormap|global\.L2)|griddepcontrol\.\w+", _calls(";")),
    (r"nanosleep\.u32", _calls("emu::trap();")),
    (r"setmaxnreg\.(inc|dec)\.sync\.aligned\.u32", _calls('emu::aligned("setmaxnreg");')),
    (
        r"cp\.async\.bulk\.tensor\.(?P<rank>\d)d\.shared::cluster\.global\.(?P<how>tile|im2col)"
        r"\.mbarrier::complete_tx::bytes(?P<many>\.multicast::cluster)?",
        _tile,
    ),
    (r"wgmma\.fence\.sync\.aligned", _calls("emu::wgmma_fence();")),
    (r"wgmma\.commit_group\.sync\.aligned", _calls("emu::wgmma_commit();")),
    (r"wgmma\.wait_group\.sync\.aligned", _calls("emu::wgmma_wait({0});")),
    (r"barrier\.cluster\.arrive(\.relaxed|\.release)?\.aligned", _calls("emu::cluster_arrive(true);")),
    (r"barrier\.cluster\.arrive(\.relaxed|\.release)?", _calls("emu::cluster_arrive(false);")),
    (r"barrier\.cluster\.wait(\.acquire)?\.aligned", _calls("emu::cluster_wait(true);")),
    (r"barrier\.cluster\.wait(\.acquire)?", _calls("emu::cluster_wait(false);")),
    (r"mapa\.shared::cluster\.u32", _calls("{0} = emu::map_shared({1}, {2});")),
    (r"mapa\.u64", _calls("{0} = emu::map_address({1}, {2});")),
    (r"bar\.sync", _calls("emu::bar_sync({0}, {1});")),
    (r"bar\.arrive", _calls("emu::bar_arrive({0}, {1});")),
    (r"st\.async\.weak\.shared::cluster\.mbarrier::complete_tx::bytes\.v4\.f32",
     _calls("{{ const float emu_v[] = {{{1}, {2}, {3}, {4}}}; emu::send({0}, {5}, emu_v); }}")),
    (r"ld\.(?P<space>shared::cluster|shared|global)(\.nc)?(\.v\d)?\.(?P<kind>\w+)", _load),
    (r"st\.(?P<space>shared|global)(\.v\d)?\.(?P<kind>\w+)", _store),
    (r"cp\.async\.c[ag]\.shared\.global", _calls("emu::copy_async({0}, {1}, {2}, {3});")),
    (r"cp\.async\.commit_group", _calls("emu::copy_commit();")),
    (r"cp\.async\.wait_group", _calls("emu::copy_wait({0});")),
    (r"ldmatrix\.sync\.aligned\.m8n8\.x4\.shared\.b16", _calls("emu::ldmatrix(&{0}, &{1}, &{2}, &{3}, {4}, false);")),
    (r"ldmatrix\.sync\.aligned\.m8n8\.x4\.trans\.shared\.b16",
     _calls("emu::ldmatrix(&{0}, &{1}, &{2}, &{3}, {4}, true);")),
    (r"mma\.sync\.aligned\.m16n8k\d+\.row\.col\.f32\.(?P<kind>\w+)\.(?P=kind)\.f32", _mma),
    (r"cvt\.rn\.(?P<kind>f16|bf16)x2\.f32", _halves),
    (r"cvt\.rn\.f16\.f32", _calls("{0} = emu::to_f16({1});")),
    (r"cvt\.rn\.bf16\.f32", _calls("{0} = emu::to_bf16({1});")),
    (r"cvt\.f32\.f16", _calls("{0} = emu::of_f16({1});")),
    (r"cvt\.rna\.tf32\.f32", _calls("{0} = emu::to_tf32({1});")),
    (r"cvt\.u32\.u16|mov\.[bu]\d+", _calls("{0} = {1};")),
    (r"elect\.sync", _elect),
    (r"selp\.u32", _calls("{0} = {3} ? {1} : {2};")),
    (r"setp\.ne\.b32", _calls("{0} = {1} != {2};")),
    (r"min\.NaN\.f32", _calls("{0} = {1} != {1} || {2} != {2} ? NAN : fminf({1}, {2});")),
    (r"max\.NaN\.f32", _calls("{0} = {1} != {1} || {2} != {2} ? NAN : fmaxf({1}, {2});")),
    (r"ex2\.approx\.ftz\.f32", _calls("{0} = emu::flush(exp2f({1}));")),
    (r"sqrt\.approx\.f32", _calls("{0} = sqrtf({1});")),
    (r"rsqrt\.approx\.f32", _calls("{0} = 1.f / sqrtf({1});")),
    (r"rcp\.approx\.f32", _calls("{0} = 1.f / {1};")),
    (r"rcp\.approx\.ftz\.f32", _calls("{0} = emu::flush(1.f / {1});")),
    (r"div\.full\.f32", _calls("{0} = {1} / {2};")),
    (r"bra", _calls("goto {0};")),
]  # fmt: skip
_PATTERNS = [(re.compile(pattern), emit) for pattern, emit in _TABLE]
_PRODUCT = re.compile(r"wgmma\.mma_async\.sync\.aligned\.m64n(?P<n>\d+)k\d+\.f32\.(?P<kind>\w+)\.(?P=kind)")


def _operands(text: str) -> list[str]:
    """The operands of an instruction, vectors taken apart, brackets away."""
    return [part.strip() for part in re.sub(r"[{}\[\]]", " ", text).split(",") if part.strip()]


def _statement(text: str, operands: Sequence[str], labels: dict[str, str]) -> str:
    """One instruction, with a predicate or a label before it, as C++."""
    label = re.match(r"(\w+):(?!:)\s*", text)
    if label:
        rest = text[label.end() :]
        return f"{labels[label[1]]}:; " + (_statement(rest, operands, labels) if rest else "")
    guard = re.match(r"@(\w+)\s+", text)
    if guard:
        return f"if ({guard[1]}) {{ {_statement(text[guard.end() :], operands, labels)} }}"
    declared = re.fullmatch(r"\.reg\s+\.(\w+)\s+(.+)", text)
    if declared:
        return f"{_TYPES[declared[1]]} {declared[2]};"
    name, _, rest = text.partition(" ")
    if rest == "%cluster_ctarank" or rest.endswith(", %cluster_ctarank"):
        rest = rest.replace("%cluster_ctarank", "emu::cluster_rank()")
    args = [re.sub(r"%(\d+)", lambda m: f"({operands[int(m[1])]})", a) for a in _operands(rest)]
    args = [labels.get(a, a) for a in args]
    if name == "mov.b32" and rest.startswith("{"):
        return f"{args[0]} = (emu::u16){args[2]}; {args[1]} = (emu::u16)({args[2]} >> 16);"
    product = _PRODUCT.fullmatch(name)
    if product:
        return _wgmma(product, args)
    for pattern, emit in _PATTERNS:
        found = pattern.fullmatch(name)
        if found:
            return emit(found, args)
    raise ValueError(f"no emulation of the instruction {text!r}")


def statements(template: str, operands: Sequence[str]) -> str:
    """An ``asm`` statement's text, with C++ expressions for its operands, as C++ statements."""
    text = template.replace("%%", "%").strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    declared = [name.strip() for names in re.findall(r"\.reg\s+\.\w+\s+([^;]+);", text) for name in names.split(",")]
    for name in declared:  # apart from names of the kernel
        text = re.sub(rf"(?<![\w.%]){name}(?![\w:])", f"emu_{name}", text)
    parts = [p.strip() for p in re.split(r"[;\n]", re.sub(r"(\w+:)(?!:)\s*\n?", r"\1 ", text))]
    names = re.findall(r"(?<![\w:])(\w+):(?!:)", text)
    labels = {name: f"emu_{name}_{next(_LABELS)}" for name in names}
    return " ".join(_statement(part, operands, labels) for part in parts if part)
