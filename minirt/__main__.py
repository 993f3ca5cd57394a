"""`python -m minirt`: a TensorRT script to run as it is, or a verb of the `minirt` command."""

from __future__ import annotations

import sys

from minirt.tools.main import main, names_a_verb


def arguments(given: list[str]) -> list[str]:
    """Return the command's arguments: a script needs no verb."""
    return given if not given or names_a_verb(given[0]) else ["script", *given]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:])))
