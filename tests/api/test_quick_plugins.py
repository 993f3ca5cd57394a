"""Quick plugins: decorated functions as layers, on the CPU target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import minirt as trt
import minirt.plugin as trtp
from minirt.plugin import _lib
from tests.api.nets import Keeper, same

X = np.random.default_rng(11).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    yield
    _lib.QDP_REGISTRY.clear()


def run(add: Any, logger: Any = None, **feeds: Any) -> Any:
    """Return the outputs of a network that `add(network, x)` adds one layer to."""
    builder = trt.Builder(logger or Keeper())
    net = builder.create_network()
    layer = add(net, net.add_input("x", trt.float32, (-1, 4)))
    for i in range(layer.num_outputs):
        layer.get_output(i).name = f"y{i}"
        net.mark_output(layer.get_output(i))
    data = builder.build_serialized_network(net, builder.create_builder_config())
    engine = trt.Runtime(logger or Keeper()).deserialize_cuda_engine(data)
    return engine.create_execution_context().run(feeds)


def test_an_elementwise_plugin() -> None:
    @trtp.register("test::scale")
    def scale_desc(inp: trtp.TensorDesc, factor: float, offsets: npt.NDArray[np.float32]) -> trtp.TensorDesc:
        return inp.like()

    @trtp.impl("test::scale")
    def scale_impl(
        inp: trtp.Tensor,
        factor: float,
        offsets: npt.NDArray[np.float32],
        outputs: tuple[trtp.Tensor],
        stream: int,
    ) -> None:
        assert inp.shape == outputs[0].shape
        np.asarray(outputs[0])[...] = np.asarray(inp) * factor + offsets

    offsets = np.arange(4, dtype=np.float32)

    def add(net: Any, x: Any) -> Any:
        return net.add_plugin(trtp.op.test.scale(x, factor=2.0, offsets=offsets))

    for rows in (3, 2):
        same(run(add, x=X[:rows])["y0"], 2 * X[:rows] + offsets)


def test_shapes_are_expressions() -> None:
    @trtp.register("test::fold")
    def fold_desc(inp: trtp.TensorDesc) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
        rows, columns = inp.shape_expr
        half = trtp.cdiv(rows, 2)
        return trtp.from_shape_expr((half, columns), trt.float32), trtp.from_shape_expr((rows * columns,), trt.int32)  # type: ignore[arg-type]

    @trtp.impl("test::fold")
    def fold_impl(inp: trtp.Tensor, outputs: tuple[trtp.Tensor, trtp.Tensor], stream: int) -> None:
        first, second = (np.asarray(o) for o in outputs)
        x = np.asarray(inp)
        first[...] = x[::2]
        second[...] = np.sign(x).reshape(-1)

    got = run(lambda net, x: net.add_plugin(trtp.op.test.fold(x)), x=X)
    same(got["y0"], X[::2])
    assert (got["y1"] == np.sign(X).reshape(-1)).all()


def test_a_size_that_the_plugin_writes() -> None:
    @trtp.register("test::positives")
    def positives_desc(inp: trtp.TensorDesc) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
        most = inp.shape_expr.numel()
        count = trtp.size_tensor(opt=most, upper_bound=most)
        return trtp.from_shape_expr((count.expr(),), inp.dtype), count

    @trtp.impl("test::positives")
    def positives_impl(inp: trtp.Tensor, outputs: tuple[trtp.Tensor, trtp.Tensor], stream: int) -> None:
        x = np.asarray(inp)
        found = x[x > 0]
        np.asarray(outputs[0])[: found.size] = found
        np.asarray(outputs[1])[...] = found.size

    got = run(lambda net, x: net.add_plugin(trtp.op.test.positives(x)), x=X)
    same(got["y0"], X[X > 0])
    assert int(got["y1"]) == (X > 0).sum()


def test_an_output_in_its_inputs_memory() -> None:
    @trtp.register("test::double")
    def double_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.aliased()

    @trtp.impl("test::double")
    def double_impl(inp: trtp.Tensor, outputs: tuple[trtp.Tensor], stream: int) -> None:
        assert outputs[0].data_ptr == inp.data_ptr
        assert outputs[0].get_aliased() is inp
        np.asarray(inp)[...] *= 2

    same(run(lambda net, x: net.add_plugin(trtp.op.test.double(x)), x=X.copy())["y0"], 2 * X)


def test_wrong_arguments_are_value_errors() -> None:
    @trtp.register("test::plain")
    def plain_desc(inp: trtp.TensorDesc, count: int) -> trtp.TensorDesc:
        return inp.like()

    net = trt.Builder(Keeper()).create_network()
    x = net.add_input("x", trt.float32, (1, 4))
    arguments: list[tuple[Any, ...]] = [(1.0, 2), (x,), (x, "a"), (x, 1.5)]
    for given in arguments:
        with pytest.raises(ValueError):
            trtp.op.test.plain(*given)
    with pytest.raises(ValueError):
        trtp.register("no_namespace")(plain_desc)
    with pytest.raises(ValueError):
        trtp.register("test::plain")(plain_desc)
    with pytest.raises(ValueError):
        trtp.impl("test::other")(plain_desc)
    with pytest.raises(AttributeError):
        getattr(trtp.op, "nothing")  # noqa: B009


def test_parts_that_take_other_arguments_are_refused() -> None:
    @trtp.register("test::some")
    def some_desc(inp: trtp.TensorDesc, count: int, scale: float) -> trtp.TensorDesc:
        return inp.like()

    def renamed(other: trtp.Tensor, count: int, outputs: tuple[trtp.Tensor], stream: int) -> None: ...
    def unordered(inp: trtp.Tensor, scale: float, count: int, outputs: tuple[trtp.Tensor], stream: int) -> None: ...
    def endless(inp: trtp.Tensor, outputs: tuple[trtp.Tensor]) -> None: ...

    for wrong in (renamed, unordered, endless):
        with pytest.raises(ValueError, match=r"expected \(inp"):
            trtp.impl("test::some")(wrong)

    @trtp.impl("test::some")
    def some_impl(inp: trtp.Tensor, scale: float, outputs: tuple[trtp.Tensor], stream: int) -> None:
        np.asarray(outputs[0])[...] = np.asarray(inp) * scale

    same(run(lambda net, x: net.add_plugin(trtp.op.test.some(x, count=3, scale=2.0)), x=X)["y0"], X * 2)


def test_descriptions_that_cannot_be_registered() -> None:
    def behind(inp: trtp.TensorDesc, count: int, other: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    with pytest.raises(ValueError, match="tensors come before attributes"):
        trtp.register("test::behind")(behind)
    with pytest.raises(ValueError, match="reserved"):
        trtp.register("trt::mine")(behind)


def test_a_plugin_that_raises_or_has_no_impl(capsys: pytest.CaptureFixture[str]) -> None:
    @trtp.register("test::bad")
    def bad_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    logger = Keeper()
    assert run(lambda net, x: net.add_plugin(trtp.op.test.bad(x)), logger, x=X) is None
    assert "has no impl" in logger.errors[-1]

    @trtp.impl("test::bad")
    def bad_impl(inp: trtp.Tensor, outputs: tuple[trtp.Tensor], stream: int) -> None:
        raise KeyError("mine")

    assert run(lambda net, x: net.add_plugin(trtp.op.test.bad(x)), logger, x=X) is None
    assert "KeyError" in capsys.readouterr().err
