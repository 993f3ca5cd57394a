# mypy: disable-error-code="no-untyped-call, untyped-decorator, assignment, misc"
"""The one file that imports Numba's compiler: kernel text to object code. Imported on a cache miss only.

The entry point is a C function over Numba's own one, without its wrappers: those hold the GIL's and the error
reporting's code, which an object that is loaded without Numba could not be linked with.
"""

from __future__ import annotations

import threading
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.cpu_options import FastMathOptions
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target

from minirt.collector import held_off
from minirt.errors import CompileError
from minirt.kernels.cpu.loader import emit_object, pack_binary

_SIGNATURE = (types.int64, types.int64, types.CPointer(types.int64))
_lock = threading.Lock()
_FAULTS = (
    NumbaError, SyntaxError, ImportError, NameError, LookupError, TypeError, ValueError, NotImplementedError,
    RuntimeError,
)  # fmt: skip
"""What Python, Numba and LLVM (RuntimeError) raise for text that is no kernel."""


def compile_text(name: str, text: str, fastmath: tuple[str, ...], symbol: str) -> bytes:
    """The binary of the function `kernel(lo, hi, args)` that `text` defines, under the name `symbol`.

    Raises CompileError, naming the kernel and ending with the compiler's log.
    """
    namespace: dict[str, Any] = {"__name__": f"minirt_kernel_{symbol}"}
    try:
        exec(compile(text, f"<kernel {name}>", "exec"), namespace)
        with _lock, held_off():  # compiling makes little garbage, and looking for it takes a tenth
            code = _compile(namespace["kernel"], fastmath, symbol)
    except _FAULTS as error:
        raise CompileError(f"{type(error).__name__}: {error}", f"CPU kernel '{name}'") from error
    return pack_binary([symbol], code)


@global_compiler_lock
def _compile(function: Any, fastmath: tuple[str, ...], symbol: str) -> bytes:
    flags = compiler.Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.release_gil = True
    flags.nrt = flags.boundscheck = False
    flags.error_model = "numpy"
    flags.fastmath = FastMathOptions(set(fastmath))
    context = cpu_target.target_context
    python = getattr(function, "py_func", function)
    library = _Library(context.codegen(), symbol)
    result = compiler.compile_extra(
        cpu_target.typing_context, context, python, _SIGNATURE, types.void, flags, {}, library=library
    )
    module = library.create_ir_module(symbol)
    integer = ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [integer, integer, integer.as_pointer()])
    entry = ir.Function(module, kind, symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    inner = context.declare_function(module, result.fndesc)
    context.call_conv.call_function(builder, inner, types.void, _SIGNATURE, entry.args)
    builder.ret_void()
    library.add_ir_module(module)
    return library.object_code(inner.name)


class _Library(JITCodeLibrary):
    """Numba's function and the entry point in one module, which is optimised and compiled once, when both are in it."""

    complete = False

    def finalize(self) -> None:
        """What Numba calls after its own function: put off."""
        if self.complete:
            super().finalize()

    def _finalize_final_module(self) -> None:
        """Numba would link the code into the process here, and end the process where a symbol is missing."""

    def object_code(self, inner: str) -> bytes:
        """Compile; `inner` is needed by the entry point only, and becomes a part of it."""
        self._final_module.get_function(inner).linkage = "internal"
        self.complete = True
        self.finalize()
        return emit_object(self._final_module)
