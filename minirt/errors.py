"""The errors minirt raises: each says what is wrong, where in the user's own names, and what to change."""

from collections.abc import Iterable


class MinirtError(Exception):
    """Base of every error that minirt raises on purpose.

    `what` is the fault in one sentence, `where` the node, tensor, layer or file in the user's names ("" if there is
    none), `fix` what the user may change ("" if that is plain from `what`).
    """

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.fix})" if self.fix else text


class TypeInferenceError(MinirtError):
    """A node cannot exist with these operands: its op's `infer` refuses their dtypes, ranks or dims."""

    def __init__(self, node: str, op: str, reason: str, fix: str = "") -> None:
        self.node = node
        self.op = op
        self.reason = reason
        super().__init__(reason, f"{op} '{node}'" if node else op, fix)

    def __reduce__(self) -> tuple[type["TypeInferenceError"], tuple[str, str, str, str]]:
        return type(self), (self.node, self.op, self.reason, self.fix)


class UnsupportedNodeError(MinirtError):
    """A model holds a node that no importer takes; `opset` is the version that the model declares for its domain."""

    def __init__(self, node: str, op: str, reason: str, opset: int = 0, domain: str = "") -> None:
        self.node = node
        self.op = op
        self.reason = reason
        self.opset = opset
        self.domain = domain
        full = f"{domain}::{op}" if domain else op
        super().__init__(reason, f"node '{node}' ({full}, opset {opset})" if opset else f"node '{node}' ({full})")

    def __reduce__(self) -> tuple[type["UnsupportedNodeError"], tuple[str, str, str, int, str]]:
        return type(self), (self.node, self.op, self.reason, self.opset, self.domain)


class ModelFormatError(MinirtError):
    """A model file is not what it says: truncated, cyclic, an undefined name, missing or short external data."""


class GraphError(MinirtError):
    """A graph or a network as a whole is wrong: no outputs, a cycle, a value of another graph, a name used twice."""


class ShapeError(MinirtError):
    """Dims disagree with each other, with a profile, or with what a node requires at run time."""


class NoKernelError(MinirtError):
    """No kernel of a target runs a problem; `refusals` is one (kernel name, sentence) for each that was asked."""

    def __init__(self, node: str, problem: str, target: str, refusals: Iterable[tuple[str, str]] = ()) -> None:
        self.node = node
        self.problem = problem
        self.target = target
        self.refusals = tuple(refusals)
        lines = "".join(f"\n  {kernel}: {reason}" for kernel, reason in self.refusals)
        what = f"no kernel runs {problem} on {target}{':' if lines else ''}{lines}"
        super().__init__(what, f"'{node}'" if node else "")

    def __reduce__(self) -> tuple[type["NoKernelError"], tuple[str, str, str, tuple[tuple[str, str], ...]]]:
        return type(self), (self.node, self.problem, self.target, self.refusals)


class CompileError(MinirtError):
    """A kernel's source does not compile; the message ends with the compiler's log."""


class EngineFormatError(MinirtError):
    """Engine bytes are refused: foreign, truncated, altered, forged, or of a newer format than this reader."""


class DeviceError(MinirtError):
    """A device, or a package that drives it, is missing or has reported a fault."""


class BuildCancelled(MinirtError):
    """A progress hook asked the build to stop."""


class ApiError(MinirtError):
    """A call breaks the contract of the API: a wrong name, order of calls, flag or argument value."""


class ConcurrentUseError(ApiError):
    """Two threads used one execution context at the same time."""
