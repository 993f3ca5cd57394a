"""Turns object code into addresses, with llvmlite alone: nothing here compiles Python, so nothing imports Numba.

An object travels as a *binary*: one JSON line {"symbols": [...]} and the object file. Loaded code stays in the
process for good, because programs hold its addresses.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from llvmlite import binding as llvm

from minirt.errors import CompileError
from minirt.kernels.cpu.elf import undefined_symbols
from minirt.kernels.cpu.host import cpu_features, cpu_name

_FOREIGN = ("numba_", "NRT_", "Py", "_Py", "_ZN5numba")
_lock = threading.RLock()
_engines: list[Any] = []


@lru_cache(maxsize=1)
def target_machine() -> Any:
    """LLVM's code generator for this CPU."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if sys.platform.startswith("linux"):
        llvm.load_library_permanently("libm.so.6")  # Python may have linked its own copy
        try:
            llvm.load_library_permanently("libgcc_s.so.1")  # float16 conversions, on CPUs that have none
        except RuntimeError:
            pass  # only kernels that need it are refused, by name
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=cpu_name(), features=cpu_features(), opt=3, jit=True)


def pack_binary(symbols: Sequence[str], code: bytes) -> bytes:
    """A binary of object code and the functions it offers; raises CompileError if it needs more than libc and libm."""
    foreign = [name for name in undefined_symbols(code) if name.startswith(_FOREIGN)]
    if foreign:
        fix = "kernels may not allocate, raise or call Python"
        raise CompileError(f"the object needs {', '.join(foreign)}", ", ".join(symbols), fix)
    return json.dumps({"symbols": list(symbols)}).encode() + b"\n" + code


def load_binary(binary: bytes) -> list[int]:
    """Addresses of the functions a binary offers, in order; raises CompileError for what cannot be linked here."""
    head, _, code = binary.partition(b"\n")
    symbols: list[str] = json.loads(head)["symbols"]
    with _lock:
        machine = target_machine()
        missing = [name for name in undefined_symbols(code) if not _resolves(name)]
        if missing:  # LLVM would end the process
            raise CompileError(f"this process has no {', '.join(missing)}", ", ".join(symbols))
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
        return [int(engine.get_function_address(name)) for name in symbols]


@lru_cache(maxsize=1024)
def _resolves(name: str) -> bool:
    return name == "_GLOBAL_OFFSET_TABLE_" or llvm.address_of_symbol(name) is not None


def compile_ir(text: str, symbols: Sequence[str]) -> bytes:
    """The binary of a module of LLVM IR text; raises CompileError with LLVM's log."""
    with _lock:
        machine = target_machine()
        try:
            module = llvm.parse_assembly(text)
            module.verify()
        except RuntimeError as error:
            raise CompileError(str(error), ", ".join(symbols)) from error
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        return pack_binary(symbols, machine.emit_object(module))


def emit_object(module: Any) -> bytes:
    """The object file of an optimised llvmlite module."""
    with _lock:
        return bytes(target_machine().emit_object(module))
