"""A build watched step by step, and one that is cancelled half way."""

from __future__ import annotations

import numpy as np

import minirt as trt


class Progress(trt.IProgressMonitor):
    """Prints the phases of a build, nested; cancels it after a number of steps."""

    def __init__(self, most: int | None = None) -> None:
        trt.IProgressMonitor.__init__(self)
        self.most, self.steps, self.depth = most, 0, 0

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Hear that a phase begins."""
        print("  " * self.depth + f"{phase_name}: {num_steps} steps, in {parent_phase}")
        self.depth += 1

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Hear that a step is done, and say whether to go on."""
        self.steps += 1
        return self.most is None or self.steps < self.most

    def phase_finish(self, phase_name: str) -> None:
        """Hear that a phase is over."""
        self.depth -= 1


def main() -> None:
    """Build once to the end, once not."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (4, 8))
    w = network.add_constant((8, 8), np.eye(8, dtype=np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    network.mark_output(network.add_matrix_multiply(x, none, w, none).get_output(0))
    config = builder.create_builder_config()
    config.progress_monitor = whole = Progress()
    assert builder.build_serialized_network(network, config) is not None
    assert whole.steps > 1
    assert whole.depth == 0
    config.progress_monitor = half = Progress(most=whole.steps // 2)
    assert builder.build_serialized_network(network, config) is None, "a cancelled build gives no engine"
    assert half.depth == 0, "every phase that began is over"
    assert half.steps < whole.steps


if __name__ == "__main__":
    main()
