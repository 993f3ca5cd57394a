"""CUDA graphs: a list of launches, copies and fills that is submitted by one call."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from minirt.collector import held_off
from minirt.errors import DeviceError
from minirt.runtime.device.device import Device
from minirt.runtime.device.driver import check, driver, fail
from minirt.runtime.device.launches import PackedLaunch

_THREAD_LOCAL = "CU_STREAM_CAPTURE_MODE_THREAD_LOCAL"
_PROGRAMMATIC = 1  # CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC and CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC
_FILL_WIDTHS = (1, 2, 4)


@dataclass(frozen=True)
class Copy:
    """A copy of bytes between addresses; `*_host` says that an address is of pinned host memory."""

    destination: int
    source: int
    nbytes: int
    destination_host: bool = False
    source_host: bool = False


@dataclass(frozen=True)
class Fill:
    """`count` elements of `width` (1, 2 or 4) bytes set to `value` on the device."""

    address: int
    value: int
    count: int
    width: int = 1


Node = PackedLaunch | Copy | Fill


class Graph:
    """An executable graph on one device; keeps what its launches refer to, and is destroyed with the object.

    `dependencies[i]` holds the indices of the nodes that node i waits for; without it each waits for the one before.
    ``version`` counts the updates of its nodes.
    """

    version = 0

    def __init__(
        self, device: Device, nodes: Sequence[Node], dependencies: Sequence[Sequence[int]] | None = None
    ) -> None:
        self.device = device
        kept = [node for node in nodes if not _is_empty(node)]
        if dependencies is not None and len(kept) != len(nodes):
            raise DeviceError("a graph with its own dependencies cannot hold an empty launch, copy or fill")
        self.nodes: list[Node] = kept
        self._positions = {id(node): index for index, node in enumerate(kept)}
        self._params: dict[int, tuple[tuple[int, int, int] | None, Any]] = {}
        cuda = driver().cuda
        with device.current():
            self._context = check(cuda.cuCtxGetCurrent(), "finding the context")
            graph = check(cuda.cuGraphCreate(0), "creating a graph")
            try:
                self._handles = [self._add(graph, node) for node in kept]
                self._connect(graph, dependencies)
                self._own(graph, check(cuda.cuGraphInstantiate(graph, 0), "instantiating a graph"))
            except BaseException:
                cuda.cuGraphDestroy(graph)
                raise

    def launch(self, stream: int) -> None:
        """Submit the graph to `stream`; the graph's device must be current."""
        try:
            self._submit(self._address, stream)
        except Exception as error:
            fail(error, "launching a graph")

    def upload(self, stream: int) -> None:
        """Bring the graph to the device ahead of its first launch."""
        cuda = driver().cuda
        with self.device.current():
            check(cuda.cuGraphUpload(self._exec, cuda.CUstream(stream)), "uploading a graph")

    def update(self, node: Node, replacement: Node | None = None) -> None:
        """Take over a launch whose arguments or grid were changed, or replace a copy or fill by another."""
        index = self._positions.get(id(node), -1)
        if index < 0:
            raise DeviceError("the node is not in this graph")
        new = replacement if replacement is not None else node
        if type(new) is not type(node) or _is_empty(new):
            raise DeviceError("a graph's node can only be replaced by a non-empty one of its kind")
        cuda = driver().cuda
        handle = self._handles[index]
        with self.device.current():
            if isinstance(new, PackedLaunch):
                result = cuda.cuGraphExecKernelNodeSetParams(self._exec, handle, self._cached_params(new))
            elif isinstance(new, Copy):
                result = cuda.cuGraphExecMemcpyNodeSetParams(self._exec, handle, _copy_params(new), self._context)
            else:
                result = cuda.cuGraphExecMemsetNodeSetParams(self._exec, handle, _fill_params(new), self._context)
        check(result, "updating a graph's node")
        self.version += 1
        if new is not node:
            del self._positions[id(node)]
            self._params.pop(id(node), None)
            self.nodes[index] = new
            self._positions[id(new)] = index

    def _cached_params(self, launch: PackedLaunch) -> Any:
        grid, params = self._params.get(id(launch), (None, None))
        if grid != launch.grid:  # the arguments are read through their address, so only a new grid needs new params
            params = _kernel_params(launch)
            self._params[id(launch)] = (launch.grid, params)
        return params

    def close(self) -> None:
        """Destroy the graph; launches already submitted complete."""
        self._finalizer()

    def _own(self, graph: Any, executable: Any) -> None:
        self._exec, self._address = executable, int(executable)
        self._submit = driver().runtime.graphLaunch  # CuPy's thin call: no objects are made for a launch
        self._finalizer = weakref.finalize(self, _destroy, self.device, graph, executable)
        self._finalizer.atexit = False

    def _add(self, graph: Any, node: Node) -> Any:
        cuda = driver().cuda
        if isinstance(node, Copy):
            return check(cuda.cuGraphAddMemcpyNode(graph, None, 0, _copy_params(node), self._context), "adding a copy")
        if isinstance(node, Fill):
            return check(cuda.cuGraphAddMemsetNode(graph, None, 0, _fill_params(node), self._context), "adding a fill")
        handle = check(cuda.cuGraphAddKernelNode(graph, None, 0, _kernel_params(node)), f"adding {node.kernel.entry}")
        if node.cluster != (1, 1, 1):
            value = cuda.CUkernelNodeAttrValue()
            value.clusterDim.x, value.clusterDim.y, value.clusterDim.z = node.cluster
            name = cuda.CUkernelNodeAttrID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
            check(cuda.cuGraphKernelNodeSetAttribute(handle, name, value), "setting a cluster")
        return handle

    def _connect(self, graph: Any, dependencies: Sequence[Sequence[int]] | None) -> None:
        count = len(self.nodes)
        waits = dependencies if dependencies is not None else [[i - 1] if i else [] for i in range(count)]
        if len(waits) != count:
            raise DeviceError(f"dependencies of {len(waits)} nodes for a graph of {count}")
        pairs = [(before, after) for after, earlier in enumerate(waits) for before in earlier]
        if any(not 0 <= before < after for before, after in pairs):
            raise DeviceError("a graph's node may only wait for nodes before it")
        if not pairs:
            return
        edges = [self._edge(before, after, len(waits[after])) for before, after in pairs]
        sources = [self._handles[before] for before, _ in pairs]
        targets = [self._handles[after] for _, after in pairs]
        cuda = driver().cuda
        check(cuda.cuGraphAddDependencies(graph, sources, targets, edges, len(pairs)), "connecting a graph")

    def _edge(self, before: int, after: int, waits: int) -> Any:
        edge = driver().cuda.CUgraphEdgeData()
        first, second = self.nodes[before], self.nodes[after]
        if waits == 1 and isinstance(first, PackedLaunch) and isinstance(second, PackedLaunch) and second.programmatic:
            edge.type = _PROGRAMMATIC
            edge.from_port = _PROGRAMMATIC
        return edge


class CapturedGraph(Graph):
    """A graph recorded from whatever `record` puts on the stream it is given; its nodes cannot be updated."""

    def __init__(self, device: Device, stream: int, record: Callable[[int], None]) -> None:
        if stream in (0, 1):
            raise DeviceError("the default stream cannot be captured", fix="capture on a stream of your own")
        self.device = device
        self.nodes = []
        self._positions = {}
        self._record: object = record  # keeps alive what the recorded work refers to
        cuda = driver().cuda
        handle = cuda.CUstream(stream)
        mode = getattr(cuda.CUstreamCaptureMode, _THREAD_LOCAL)
        # a collector that frees some other engine's memory would break off this thread's capture
        with device.current(), held_off():
            check(cuda.cuStreamBeginCapture(handle, mode), "starting a capture")
            try:
                record(stream)
            except BaseException:
                _, graph = cuda.cuStreamEndCapture(handle)
                if int(graph or 0):
                    cuda.cuGraphDestroy(graph)
                raise
            graph = check(cuda.cuStreamEndCapture(handle), "ending a capture")
            try:
                self._own(graph, check(cuda.cuGraphInstantiate(graph, 0), "instantiating a graph"))
            except BaseException:
                cuda.cuGraphDestroy(graph)
                raise

    def forget(self) -> None:
        """Let go of what recorded it: whoever calls this keeps alive what the recorded work refers to."""
        self._record = None


def _is_empty(node: Node) -> bool:
    if isinstance(node, PackedLaunch):
        return node.empty
    return not (node.nbytes if isinstance(node, Copy) else node.count)


def _kernel_params(launch: PackedLaunch) -> Any:
    cuda = driver().cuda
    params = cuda.CUDA_KERNEL_NODE_PARAMS()
    params.func = cuda.CUfunction(launch.kernel.handle)
    params.gridDimX, params.gridDimY, params.gridDimZ = launch.grid
    params.blockDimX, params.blockDimY, params.blockDimZ = launch.block
    params.sharedMemBytes = launch.kernel.shared
    params.kernelParams = launch.arguments.params
    return params


def _copy_params(copy: Copy) -> Any:
    cuda = driver().cuda
    params = cuda.CUDA_MEMCPY3D()
    host, device = cuda.CUmemorytype.CU_MEMORYTYPE_HOST, cuda.CUmemorytype.CU_MEMORYTYPE_DEVICE
    params.srcMemoryType = host if copy.source_host else device
    params.dstMemoryType = host if copy.destination_host else device
    if copy.source_host:
        params.srcHost = copy.source
    else:
        params.srcDevice = cuda.CUdeviceptr(copy.source)
    if copy.destination_host:
        params.dstHost = copy.destination
    else:
        params.dstDevice = cuda.CUdeviceptr(copy.destination)
    params.WidthInBytes, params.Height, params.Depth = copy.nbytes, 1, 1
    return params


def _fill_params(fill: Fill) -> Any:
    if fill.width not in _FILL_WIDTHS:
        raise DeviceError(f"a fill's elements are 1, 2 or 4 bytes wide, not {fill.width}")
    cuda = driver().cuda
    params = cuda.CUDA_MEMSET_NODE_PARAMS()
    params.dst = cuda.CUdeviceptr(fill.address)
    params.value = fill.value & (256**fill.width - 1)
    params.elementSize, params.width, params.height = fill.width, fill.count, 1
    return params


def _destroy(device: Device, graph: Any, executable: Any) -> None:
    cuda = driver().cuda
    with device.releasing():
        cuda.cuGraphExecDestroy(executable)
        cuda.cuGraphDestroy(graph)
