"""Before anything is converted: the scheme of every node, and which values must share a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mcuq.errors import QuantizationFailed
from mcuq.ir import FLOAT32, INT8, INT16, Graph, Node, Tensor
from mcuq.ops import OutputQuantization, card_of, is_known
from mcuq.quantize.layers import layer_name, names_of, roles_of, weighted_nodes
from mcuq.quantize.ranges import Format
from mcuq.quantize.recipe import Recipe, Scheme


@dataclass(frozen=True, slots=True)
class Plan:
    """`schemes` by the name of a node's outputs and of graph inputs; `groups` says who shares a scale with whom."""

    schemes: Mapping[str, Scheme]
    groups: Mapping[str, tuple[str, ...]]

    def scheme_of(self, node: Node) -> Scheme:
        """The scheme of that node."""
        return self.schemes[node.outputs[0]]


def format_of(scheme: Scheme) -> Format | None:
    """How the activations of that scheme are written; None for float32."""
    if not scheme.is_integer:
        return None
    if scheme.arithmetic == "int16x8":
        return Format(INT16, symmetric=True)
    return Format(INT8, scheme.activation_symmetric, power_of_two=scheme.arithmetic == "shift")


def keeps_scale(node: Node) -> bool:
    """Whether the node hands its input's scale on (pooling, reshaping, padding, concatenating)."""
    return card_of(node.op).output_quantization is OutputQuantization.SAME_AS_INPUT


def has_fixed_scale(node: Node) -> bool:
    """Whether the op dictates its output's scale."""
    return card_of(node.op).output_quantization is OutputQuantization.FIXED


def check_is_float(graph: Graph) -> None:
    """Raises QuantizationFailed for what is no float model, naming the layer."""
    for node in graph.nodes:
        if not is_known(node.op) or card_of(node.op).folds:
            raise QuantizationFailed(
                f"layer '{layer_name(node)}': {node.op} is not supported; `mcuq inspect` lists every such layer"
            )
        for result in graph.results(node):
            if result.dtype != FLOAT32:
                raise QuantizationFailed(
                    f"layer '{layer_name(node)}': its output is {result.dtype.name} already; "
                    "quantize takes float models"
                )
        if roles_of(node) is not None and not all(graph.is_constant(name) for name in node.inputs[1:]):
            raise QuantizationFailed(f"layer '{layer_name(node)}': {node.op} needs constant weights and bias")


def plan(graph: Graph, recipe: Recipe) -> Plan:
    """The plan for a float graph; raises QuantizationFailed for a rule that names no layer."""
    positions = {node.outputs[0]: index for index, node in enumerate(weighted_nodes(graph))}
    schemes: dict[str, Scheme] = {}
    for node in graph.nodes:
        own = recipe.scheme_of(names_of(node), node.op, positions.get(node.outputs[0]), len(positions))
        source = schemes.get(node.inputs[0])
        chosen = source if keeps_scale(node) and source is not None else own
        if roles_of(node) is None and chosen.arithmetic == "hybrid":
            chosen = replace(chosen, arithmetic="float")  # only weights meet activations quantized at run time
        schemes[node.outputs[0]] = chosen
        schemes |= dict.fromkeys(node.outputs[1:], schemes[node.outputs[0]])
    schemes |= {name: _input_scheme(graph, name, schemes, recipe) for name in graph.inputs}
    _check_rules(graph, recipe, positions)
    return Plan(schemes, groups_of_scale(graph))


def _input_scheme(graph: Graph, name: str, schemes: Mapping[str, Scheme], recipe: Recipe) -> Scheme:
    """A graph input is written as its first integer reader wants it; in float where it has none."""
    readers = [schemes[node.outputs[0]] for node in graph.users(name)]
    chosen = next((scheme for scheme in readers if scheme.is_integer), recipe.layers)
    if chosen.is_integer and not any(scheme.is_integer for scheme in readers):
        chosen = replace(chosen, arithmetic="float", activation_bits=None)
    return chosen


def _check_rules(graph: Graph, recipe: Recipe, positions: Mapping[str, int]) -> None:
    for index, rule in enumerate(recipe.rules):
        hits = (rule.matches(names_of(n), n.op, positions.get(n.outputs[0]), len(positions)) for n in graph.nodes)
        if not any(hits):
            what = ", ".join(
                f"{key} = {value!r}" for key in ("layer", "op", "position") if (value := getattr(rule, key)) is not None
            )
            names = ", ".join(f"'{layer_name(node)}'" for node in weighted_nodes(graph)[:4])
            raise QuantizationFailed(
                f"recipe '{recipe.name}': rule {index} ({what}) matches no layer; layers are called {names}, ..."
            )


def groups_of_scale(graph: Graph) -> dict[str, tuple[str, ...]]:
    """For every run-time value, the values that its scale must serve."""
    fixed = {name for node in graph.nodes if has_fixed_scale(node) for name in node.outputs}
    leader = {name: name for name, value in graph.values.items() if isinstance(value, Tensor)}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for node in graph.nodes:
        if keeps_scale(node):
            for name in node.inputs:
                if name in leader and name not in fixed:
                    leader[find(name)] = find(node.outputs[0])
    members: dict[str, list[str]] = {}
    for name in leader:
        members.setdefault(find(name), []).append(name)
    return {name: tuple(group) for group in members.values() for name in group}
