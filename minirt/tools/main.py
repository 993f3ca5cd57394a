"""The `minirt` command: one verb a file."""

from __future__ import annotations

import argparse
import sys

from minirt.errors import MinirtError
from minirt.tools import alias, profile, run, script

VERBS = (run, profile, script, alias)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 done, 1 numbers disagree, 2 wrong use or a model that fails."""
    parser = argparse.ArgumentParser(prog="minirt", description="Compile and run ONNX models on the CPU or a CUDA GPU.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.declare(verbs)
    options = parser.parse_args(arguments)
    try:
        return int(options.verb_function(options))
    except (MinirtError, OSError) as error:
        print(f"minirt: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minirt: interrupted", file=sys.stderr)
        return 130


def names_a_verb(word: str) -> bool:
    """Return whether a command line's first word is a verb, or asks for help; else it is a script, or -m."""
    return word in ("-h", "--help", *(verb.__name__.rpartition(".")[2] for verb in VERBS))


if __name__ == "__main__":
    sys.exit(main())
