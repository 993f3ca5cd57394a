"""A process that compiles CPU kernels for another: ``python -m minirt.kernels.cpu.worker``, JSON lines in and out."""

from __future__ import annotations

import base64
import json
import os
import sys

from minirt.errors import CompileError
from minirt.kernels.cpu.compile import CpuUnit, compile_unit


def main() -> None:
    """Answer each line [name, text, fastmath] with {"binary": base64} or {"error": text}, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not land among the answers
    for line in sys.stdin:
        name, text, fastmath = json.loads(line)
        try:
            reply = {"binary": base64.b64encode(compile_unit(CpuUnit(name, text, tuple(fastmath)))).decode()}
        except CompileError as error:
            reply = {"error": error.what}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # whoever asked has gone
