"""CUDA C++ text of a kernel as C++ that the host compiles: ``asm`` statements and ``__shared__`` become calls."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.kernels.cuda.emulate.ptx import statements

HERE = Path(__file__).parent
_ASM = re.compile(r"\basm\s*(?:volatile)?\s*\(")
_SHARED = re.compile(
    r"__shared__\s+(?:(?:__align__|alignas)\((?P<align>\d+)\)\s*)?(?P<type>[\w:]+)\s+(?P<names>[^;]+);"
)
_DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s*)?(?P<type>\w+)\s+(?P<name>\w+)\[\];")
_ENTRY = re.compile(r'extern "C" __global__ void\s+(?:__\w+__\([^)]*\)\s*)*(\w+)\((?P<params>[^{]*)\)\s*\{')
_CLUSTER = re.compile(r"__cluster_dims__\((\d+),\s*(\d+),\s*(\d+)\)")


def cluster_of(text: str) -> tuple[int, int, int]:
    """How many blocks make a cluster."""
    found = _CLUSTER.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (1, 1, 1)


def named(text: str, folder: Path) -> str:
    """The text with ``#line`` before each body file of the folder, so that errors name its lines."""
    for path in sorted(folder.glob("*.cuh")):
        body = path.read_text(encoding="utf-8")
        text = text.replace(body, f'\n#line 1 "{path.name}"\n{body}\n#line 1 "generated"\n')
    return text


def preprocessed(text: str, arch: int) -> str:
    """The text with its own macros expanded."""
    command = ["g++", "-E", "-x", "c++", f"-D__CUDA_ARCH__={arch}", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def _closing(text: str, start: int) -> int:
    """The place of the parenthesis that ends what begins at ``start``, just behind its own."""
    depth, i = 1, start
    while depth:
        if text[i] == '"':
            i = _string_end(text, i)
        elif text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
        i += 1
    return i - 1


def _string_end(text: str, start: int) -> int:
    i = start + 1
    while text[i] != '"':
        i += 2 if text[i] == "\\" else 1
    return i


def _sections(inside: str) -> list[str]:
    """What colons outside of strings and parentheses separate."""
    found, start, i = [], 0, 0
    while i < len(inside):
        if inside[i] == '"':
            i = _string_end(inside, i)
        elif inside[i] in "([{":
            i = _closing(inside, i + 1)
        elif inside[i] == ":":
            found.append(inside[start:i])
            start = i + 1
        i += 1
    return [*found, inside[start:]]


def _expressions(section: str) -> list[str]:
    """The operands of a section: what follows each constraint in parentheses."""
    found: list[str] = []
    at = section.find('"')
    while at >= 0:
        start = section.index("(", _string_end(section, at)) + 1
        end = _closing(section, start)
        found.append(section[start:end])
        at = section.find('"', end)
    return found


def _assembly(text: str) -> str:
    """``asm`` statements as calls, in as many lines."""
    out, at = [], 0
    while (found := _ASM.search(text, at)) is not None:
        end = _closing(text, found.end())
        parts = _sections(text[found.end() : end])
        template = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', parts[0])).replace("\\n", "\n")
        operands = [e for section in parts[1:3] for e in _expressions(section)]
        lines = text[found.start() : end].count("\n")
        out += [text[at : found.start()], "{ ", statements(template, operands), " }", "\n" * lines]
        at = end + 1 + (text[end + 1] == ";")
    return "".join([*out, text[at:]])


def _static(found: re.Match[str]) -> str:
    parts = []
    for declared in re.split(r",\s*(?![^\[]*\])", found["names"]):
        name, dims = re.fullmatch(r"\s*(\w+)\s*((?:\[.*\])?)\s*", declared, re.S).groups()  # type: ignore[union-attr]
        kind = f"emu_{name}_type"
        align = f"{found['align'] or 1} > alignof({found['type']}) ? {found['align'] or 1} : alignof({found['type']})"
        parts.append(
            f"typedef {found['type']} {kind}{dims}; static emu::Slot emu_{name}_slot; "
            f"{kind}& {name} = *({kind}*)emu::shared_static(emu_{name}_slot, emu::statics, sizeof({kind}), {align});"
        )
    return " ".join(parts)


def _call(text: str) -> str:
    """A function that calls the kernel with the arguments at the addresses given."""
    found = _ENTRY.search(text)
    assert found, "no entry function"
    params = [p.strip() for p in found["params"].split(",")]
    kinds = [re.sub(r"const __grid_constant__ ", "", re.sub(r"\w+$", "", p)).strip() for p in params]
    values = ", ".join(f"*({kind}*)args[{i}]" for i, kind in enumerate(kinds))
    return f'\nextern "C" void emulate_kernel(void** args) {{ {found[1]}({values}); }}\n'


def translated(text: str, folder: Path, arch: int = 900) -> str:
    """The C++ text, of a library whose ``emulate_kernel`` runs one thread."""
    text = preprocessed(named(text, folder), arch)
    call = _call(text)
    text = _DYNAMIC.sub(r"\g<type>* \g<name> = (\g<type>*)emu::shared_dynamic();", text)
    text = _assembly(_SHARED.sub(_static, text))
    return f'#include "{HERE / "device.h"}"\n{text}{call}'
