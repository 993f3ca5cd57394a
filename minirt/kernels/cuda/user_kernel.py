"""Kernels that plugins bring: PTX made into machine code when the engine is built, and launched as they say."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass
from typing import Any

from minirt.errors import CompileError
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.ops.user_call import UserCall
from minirt.plan.launch import Launches, Spec

_ELF = b"\x7fELF"


@dataclass(frozen=True)
class UserImage:
    """Machine code, or PTX that the driver compiles when it is loaded, and the name of the kernel in it."""

    image: bytes
    entry: str


class UserKernel(Kernel):
    """A kernel that a plugin compiled ahead of time."""

    ops = (UserCall,)
    target = "cuda"
    rank = 99

    def rejects(self, problem: Problem) -> str:
        """Any problem: only the plugin says how its kernel is launched."""
        return "it is launched as its plugin says"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """Nothing: it is launched as its plugin says."""
        raise NotImplementedError

    def source(self, spec: Spec, target: Target) -> UserImage:
        """The machine code itself."""
        return UserImage(base64.b64decode(spec["image"]), spec["entry"])


def machine_code(image: bytes, entry: str, arch: str) -> bytes:
    """PTX as a cubin for `arch`; a cubin as it is, and PTX as it is where nvJitLink is not installed.

    Raises CompileError with nvJitLink's log where the PTX does not assemble.
    """
    if image.startswith(_ELF):
        return image
    linker = _linker()
    if linker is None:
        return image
    handle = linker.create(1, [f"-arch={arch}"])
    try:
        linker.add_data(handle, linker.InputType.PTX, image, len(image), entry)
        linker.complete(handle)
        cubin = bytearray(linker.get_linked_cubin_size(handle))
        linker.get_linked_cubin(handle, cubin)
        return bytes(cubin)
    except linker.nvJitLinkError as error:
        log = bytearray(linker.get_error_log_size(handle))
        linker.get_error_log(handle, log)
        text = log.rstrip(b"\0").decode(errors="replace").strip() or str(error)
        if "version" in text.lower():  # made by a newer compiler: the driver may know it
            return image
        raise CompileError(f"its PTX does not assemble: {text}", f"kernel '{entry}' for {arch}") from error
    finally:
        linker.destroy(handle)


def _linker() -> Any:
    """The module cuda.bindings.nvjitlink; None where it or its library is not installed."""
    try:
        module = importlib.import_module("cuda.bindings.nvjitlink")
        module.version()
    except Exception:  # ImportError, RuntimeError or the binding's own class by version
        return None
    return module
