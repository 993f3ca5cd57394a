"""What the runtime needs from CUDA, one file a concern."""

from minirt.runtime.device.arguments import ArgumentBlock, Kind
from minirt.runtime.device.backend import CudaBackend
from minirt.runtime.device.device import Device, Properties, architecture, device_count
from minirt.runtime.device.driver import available, why_unavailable
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import CapturedGraph, Copy, Fill, Graph
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.memory import Allocator, DeviceMemory, PinnedMemory, copy, fill
from minirt.runtime.device.modules import Kernel, Module
from minirt.runtime.device.segments import CudaSegment
from minirt.runtime.device.streams import Stream, is_capturing, stream_handle, synchronize
from minirt.runtime.device.tensor_maps import Im2colMap, TiledMap

__all__ = [
    "Allocator", "ArgumentBlock", "CapturedGraph", "Copy", "CudaBackend", "CudaSegment", "Device", "DeviceMemory",
    "Event", "Fill", "Graph", "Im2colMap", "Kernel", "Kind", "Module", "PackedLaunch", "PinnedMemory", "Properties",
    "Stream", "TiledMap", "architecture", "available", "copy", "device_count", "fill", "is_capturing", "stream_handle",
    "synchronize", "why_unavailable",
]  # fmt: skip
