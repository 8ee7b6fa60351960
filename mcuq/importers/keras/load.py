"""From a Keras model in memory to a float Graph, or to everything that stands in the way of one."""

from __future__ import annotations

from typing import Any

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.importers.check import check_graph, unsupported
from mcuq.importers.keras.framework import is_keras_model, is_of_keras
from mcuq.importers.keras.layers import READER_OF, reasons_against
from mcuq.importers.keras.site import Builder, Held, Refused, Shape, Site
from mcuq.importers.keras.walk import Key, LayerCall, flattened, key_of, layer_calls
from mcuq.ir import FLOAT32, Graph, Tensor
from mcuq.ops import Refusal
from mcuq.ops.reshape import Reshape


def _shape_of(tensor: Any) -> Shape:
    """The shape for one sample; a size that only run time knows becomes 0."""
    sizes = tuple(tensor.shape)
    first = 1 if sizes and sizes[0] is None else sizes[0] if sizes else 1
    return (int(first), *(0 if size is None else int(size) for size in sizes[1:]))


def _dtype_of(tensor: Any) -> str:
    return str(getattr(tensor.dtype, "name", tensor.dtype))


def _reason_against_input(tensor: Any) -> str | None:
    """Why a tensor of Keras cannot be an input of the graph; None when it can."""
    shape, dtype = _shape_of(tensor), _dtype_of(tensor)
    said = list(tensor.shape[1:])
    if dtype != "float32":
        return f"it takes {dtype}; mcuq reads float32 models, which it then quantizes"
    if shape[0] != 1:
        return f"it takes {shape[0]} samples at a time; give it the batch size None or 1"
    if 0 in shape:
        return f"its size is open ({said}); build the model with fixed sizes, such as keras.Input((49, 10, 1))"
    return None


class _Loader:
    """Walks the calls of layers and collects nodes, or refusals."""

    def __init__(self) -> None:
        self._builder = Builder()
        self._refusals: list[Refusal] = []

    def load(self, model: Any, name: str) -> Graph:
        """The graph called `name`; InvalidModel or UnsupportedModel where there is none."""
        inputs = tuple(self._input(tensor) for tensor in flattened(model.inputs))
        if self._refusals:
            raise unsupported(name, tuple(self._refusals))
        outputs = self._run(model, inputs, "")
        if self._refusals:
            raise unsupported(name, tuple(self._refusals))
        names = tuple(self._output(held) for held in outputs)
        graph = self._builder.graph(name, tuple(held.value.name for held in inputs), self._distinct(names))
        return check_graph(graph)

    def _input(self, tensor: Any) -> Held:
        layer = str(tensor._keras_history[0].name)
        value = Tensor(self._builder.free_name(layer), _shape_of(tensor), FLOAT32)
        reason = _reason_against_input(tensor)
        if reason:
            self._refusals.append(Refusal("InputLayer", (layer,), reason))
        else:
            self._builder.keep(value)
        return Held(value, value.shape, layer)

    def _output(self, held: Held) -> str:
        """The value with the shape that Keras gives it, under the name of its layer."""
        since = len(self._builder.nodes)
        value = self._builder.reshaped(held, held.shape)
        if len(self._builder.nodes) > since:
            value = self._builder.rename(value, f"{held.layer}/output", since)
        return value.name

    def _distinct(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The outputs' names; a value that the model gives twice is copied."""
        found: list[str] = []
        for name in names:
            value = self._builder.values[name]
            if name in found:
                value = self._builder.emit(name, "RESHAPE", (value,), Reshape(value.shape))[0]
            found.append(value.name)
        return tuple(found)

    def _run(self, model: Any, operands: tuple[Held, ...], prefix: str) -> tuple[Held, ...]:
        """What the model (or a model inside it, whose layers are called `prefix`...) makes of the operands."""
        inputs, outputs = flattened(model.inputs), flattened(model.outputs)
        known: dict[Key, Held] = {key_of(tensor): held for tensor, held in zip(inputs, operands, strict=True)}
        for call in layer_calls(inputs, outputs):
            reads = tuple(known[key_of(tensor)] for tensor in call.operands)
            made = self._call(call, reads, f"{prefix}{call.layer.name}")
            known |= {key_of(tensor): held for tensor, held in zip(call.results, made, strict=True)}
        return tuple(known[key_of(tensor)] for tensor in outputs)

    def _call(self, call: LayerCall, operands: tuple[Held, ...], path: str) -> tuple[Held, ...]:
        if _is_graph_of_layers(call.layer):
            return self._run(call.layer, operands, f"{path}/")
        value, reasons = self._read(call, operands, path)
        kind = type(call.layer).__name__
        self._refusals += [Refusal(kind, (path,), reason) for reason in dict.fromkeys(reasons)]
        if value is not None:
            return (Held(value, _shape_of(call.results[0]), path),)
        # What reads a layer that was refused still has its say.
        shapes = tuple(_shape_of(tensor) for tensor in call.results)
        return tuple(Held(Tensor(path, shape, FLOAT32), shape, path) for shape in shapes)

    def _read(self, call: LayerCall, operands: tuple[Held, ...], path: str) -> tuple[Tensor | None, tuple[str, ...]]:
        """The value that stands for the call's output, or the reasons why there is none."""
        config, reasons = _configuration(call.layer)
        if call.in_training:
            reasons = (*reasons, "it is called with training=True; mcuq does inference only")
        if reasons or len(call.results) != 1:
            return None, reasons or ("it has several outputs",)
        site = Site(self._builder, call.layer, path, config, operands, _shape_of(call.results[0]))
        since = len(self._builder.nodes)
        try:
            value = READER_OF[type(call.layer).__name__].read(site)
        except Refused as refused:
            return None, (str(refused),)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidModel(f"layer '{path}' is not what Keras writes ({type(error).__name__}: {error})") from None
        return self._named(site, value, since), tuple(site.broken)

    def _named(self, site: Site, value: Tensor, since: int) -> Tensor:
        """The value under the layer's own name where the layer made it; InvalidModel when it has not Keras' shape."""
        if value.shape not in (site.shape, (1, *site.shape)):
            raise InvalidModel(f"layer '{site.path}' gives {list(value.shape)}, but Keras says {list(site.shape)}")
        made = any(value.name in node.outputs and site.path in node.origin for node in self._builder.nodes[since:])
        return self._builder.rename(value, site.path, since) if made else value


def _configuration(layer: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The layer's configuration, and what its class and that say against it."""
    kind = type(layer)
    if not is_of_keras(kind):
        origin = f"{kind.__module__}.{kind.__name__}"[:80]
        return {}, (f"it is a layer of your own ({origin}); mcuq reads layers of Keras",)
    if is_keras_model(layer):
        return {}, ("a model inside the model that is not made of a graph of layers (functional or Sequential)",)
    config = {} if ".ops." in kind.__module__ else layer.get_config()
    return config, tuple(reasons_against(kind.__name__, kind.__module__, config))


def _is_graph_of_layers(layer: Any) -> bool:
    """Whether it is a functional or Sequential model whose layers are known."""
    kinds = {kind.__name__ for kind in type(layer).__mro__ if is_of_keras(kind)}
    return bool(kinds & {"Functional", "Sequential"}) and bool(getattr(layer, "inputs", None))


def load_keras(model: Any, name: str | None = None) -> Graph:
    """A Keras model in memory (functional or Sequential; Keras 3 or tf_keras) as a float graph called after it.

    Shapes have batch 1, padding is explicit, every node names the layer that it comes from. What computes in lower
    precision in Keras (a mixed-precision policy) computes in float32 here. Raises UnsupportedModel with every layer
    that stands in the way, InvalidModel for weights that are not finite or a value that is not a Keras model.
    """
    if not is_keras_model(model):
        raise InvalidModel(f"a value of type {type(model).__name__} is not a model; pass a path or a Keras model")
    chosen = str(name or model.name)
    if _is_graph_of_layers(model):
        return _Loader().load(model, chosen)
    if any(kind.__name__ == "Sequential" for kind in type(model).__mro__):
        text = "has no input shape yet; begin it with keras.Input((...)) or call model.build((None, ...))"
    else:
        text = "is a subclass of keras.Model whose call() is code; run model.export('folder') and pass that folder"
    raise UnsupportedModel(f"the Keras model '{chosen}' {text}")
