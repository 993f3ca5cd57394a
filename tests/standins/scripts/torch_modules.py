"""A script of modules around engines, on CPU tensors: a file with metadata, a state dict, dynamic outputs, refit."""

import json
from collections import OrderedDict, namedtuple
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorrt as trt
import torch

LOGGER = trt.Logger(trt.Logger.WARNING)
Binding = namedtuple("Binding", ("name", "dtype", "shape", "data", "ptr"))


def engine_bytes(refit: bool = False) -> Any:
    """A convolution with a bias and an activation, with the keywords that converters pass."""
    builder = trt.Builder(LOGGER)
    network = builder.create_network()
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    if refit:
        config.set_flag(trt.BuilderFlag.REFIT)
    x = network.add_input(name="images", dtype=trt.float32, shape=(1, 3, 8, 8))
    weight, bias = torch.ones(4, 3, 3, 3), torch.zeros(4)
    layer = network.add_convolution_nd(
        input=x, num_output_maps=4, kernel_shape=(3, 3), kernel=weight.detach().cpu().numpy(), bias=bias.numpy()
    )
    layer.name = "conv"
    layer.stride_nd, layer.padding_nd, layer.dilation_nd = (1, 1), (1, 1), (1, 1)
    y = network.add_activation(input=layer.get_output(0), type=trt.ActivationType.RELU).get_output(0)
    y.name = "output0"
    network.mark_output(tensor=y)
    return builder.build_serialized_network(network, config)


def wanted(x: Any, weight: Any = None) -> Any:
    """What the engine computes, by torch."""
    return torch.relu(torch.nn.functional.conv2d(x, torch.ones(4, 3, 3, 3) if weight is None else weight, padding=1))


def with_metadata(folder: Path) -> None:
    """An engine file that starts with the length of a JSON text, and the text."""
    path = folder / "model.engine"
    meta = json.dumps({"stride": 32, "names": {0: "person"}, "imgsz": [8, 8]})
    with open(path, "wb") as f:
        f.write(len(meta).to_bytes(4, byteorder="little", signed=True))
        f.write(meta.encode())
        f.write(engine_bytes())
    with open(path, "rb") as f, trt.Runtime(LOGGER) as runtime:
        metadata = json.loads(f.read(int.from_bytes(f.read(4), byteorder="little")).decode("utf-8"))
        model = runtime.deserialize_cuda_engine(f.read())
    context = model.create_execution_context()
    assert metadata["stride"] == 32 and not hasattr(model, "num_bindings")
    bindings: Any = OrderedDict()
    for i in range(model.num_io_tensors):
        name = model.get_tensor_name(i)
        dtype = trt.nptype(model.get_tensor_dtype(name))
        if model.get_tensor_mode(name) == trt.TensorIOMode.INPUT and -1 in tuple(model.get_tensor_shape(name)):
            context.set_input_shape(name, tuple(model.get_tensor_profile_shape(name, 0)[1]))
        shape = tuple(context.get_tensor_shape(name))
        im = torch.from_numpy(np.empty(shape, dtype=dtype)).to("cpu")
        bindings[name] = Binding(name, dtype, shape, im, int(im.data_ptr()))
    addresses = OrderedDict((n, d.ptr) for n, d in bindings.items())
    x = torch.randn(bindings["images"].shape)
    addresses["images"] = int(x.data_ptr())
    assert context.execute_v2(list(addresses.values()))
    torch.testing.assert_close(bindings["output0"].data, wanted(x))


class Allocator(trt.IOutputAllocator):  # type: ignore[misc]
    """Outputs in tensors of its own."""

    def __init__(self) -> None:
        trt.IOutputAllocator.__init__(self)
        self.buffers: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}

    def reallocate_output_async(self, tensor_name: str, memory: int, size: int, alignment: int, stream: int) -> int:
        """Return memory of at least so many bytes."""
        if size > self.buffers.get(tensor_name, torch.empty(0)).numel():
            self.buffers[tensor_name] = torch.empty(size, dtype=torch.uint8)
        return int(self.buffers[tensor_name].data_ptr())

    def notify_shape(self, tensor_name: str, shape: Any) -> None:
        """Keep a shape."""
        self.shapes[tensor_name] = tuple(shape)


class EngineModule(torch.nn.Module):  # type: ignore[misc]
    """An engine as a module, whose state dict holds its bytes."""

    def __init__(self, data: Any = None) -> None:
        super().__init__()
        self._register_state_dict_hook(EngineModule._on_state_dict)
        self.engine: Any = None if data is None else trt.Runtime(LOGGER).deserialize_cuda_engine(data)

    def _on_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any) -> None:
        state_dict[prefix + "engine"] = bytearray(self.engine.serialize())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *_: Any) -> None:
        self.engine = trt.Runtime(LOGGER).deserialize_cuda_engine(state_dict[prefix + "engine"])

    def forward(self, x: Any) -> Any:
        """Run on a tensor."""
        context, allocator = self.engine.create_execution_context(), Allocator()
        context.set_input_shape("images", tuple(x.shape))
        context.set_tensor_address("images", x.contiguous().data_ptr())
        assert context.set_output_allocator("output0", allocator)
        assert context.infer_shapes() == [] and context.execute_async_v3(0)
        return allocator.buffers["output0"].view(torch.float32).reshape(allocator.shapes["output0"])


def main() -> None:
    """Each of them."""
    with TemporaryDirectory() as folder:
        with_metadata(Path(folder))
        module, x = EngineModule(engine_bytes(refit=True)), torch.randn(1, 3, 8, 8)
        torch.save(module.state_dict(), Path(folder) / "module.pth")
        loaded = EngineModule()
        loaded.load_state_dict(torch.load(Path(folder) / "module.pth", weights_only=True))
    torch.testing.assert_close(loaded(x), wanted(x))
    fresh = torch.randn(4, 3, 3, 3)
    refitter = trt.Refitter(loaded.engine, LOGGER)
    assert "conv" in refitter.get_all()[0]
    given = trt.Weights(trt.DataType.FLOAT, fresh.data_ptr(), torch.numel(fresh))
    assert refitter.set_weights("conv", trt.WeightsRole.KERNEL, given) and refitter.refit_cuda_engine()
    torch.testing.assert_close(loaded(x), wanted(x, fresh), atol=1e-4, rtol=1e-4)
    print("right")


main()
