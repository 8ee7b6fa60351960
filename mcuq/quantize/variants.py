"""Recipes made of a recipe: one layer quantized alone, all but one, and changes that may mend what hurts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from glob import escape

from mcuq.ir import Graph, Node
from mcuq.quantize.figures import LayerFigures
from mcuq.quantize.layers import layer_name, roles_of
from mcuq.quantize.plan import Plan, has_fixed_scale, keeps_scale
from mcuq.quantize.recipe import ObserverName, Recipe, Rule, Scheme

FLOAT = Scheme(arithmetic="float", weight_bits=32)
_OBSERVERS: tuple[ObserverName, ...] = ("min_max", "mse", "percentile")


@dataclass(frozen=True, slots=True)
class Variant:
    """A changed recipe; `what` says in words what changed, `lines` are the TOML lines that change it."""

    what: str
    lines: str
    recipe: Recipe
    new_observers: bool = False


def chooses_scale(node: Node) -> bool:
    """Whether quantizing the node is a choice of its own: it neither hands a scale on nor has a fixed one."""
    return not keeps_scale(node) and not has_fixed_scale(node)


def quick(recipe: Recipe) -> Recipe:
    """The recipe with rounding to nearest: what a layer costs, not what refinement makes of it."""
    refine = replace(recipe.refine, rounding="nearest", range_search=False, input_error_correction=False)
    return replace(recipe, refine=refine, mixed=None)


def settled(recipe: Recipe, graph: Graph, figures: Sequence[LayerFigures]) -> Recipe:
    """The recipe with a rule for each layer that the search for mixed widths raised, in place of the search."""
    if recipe.mixed is None:
        return recipe
    rules = tuple(
        Rule(layer=_pattern(node, node.outputs[0]), changes=(("weight_bits", line.weight_bits),))
        for node, line in zip(graph.nodes, figures, strict=True)
        if line.weight_bits == recipe.mixed.weight_bits
    )
    return replace(recipe, mixed=None, rules=(*recipe.rules, *rules))


def only(recipe: Recipe, node: Node, scheme: Scheme) -> Recipe:
    """Everything in float but that node."""
    return replace(recipe, layers=FLOAT, rules=(_rule(node, scheme),), input="float32", output="float32")


def without(recipe: Recipe, node: Node) -> Recipe:
    """Everything as it is but that node in float."""
    return replace(recipe, rules=(*recipe.rules, _rule(node, FLOAT)))


def fixes(recipe: Recipe, made: Plan, worst: Sequence[Node]) -> Iterator[Variant]:
    """Changes worth trying: of the layers that hurt most, and of the whole recipe."""
    for node in worst:
        yield from _layer_fixes(recipe, node, made.scheme_of(node))
    yield from _joint_fixes(recipe, made, worst)
    if recipe.layers.is_integer:
        for observer in _OBSERVERS:
            if observer != recipe.layers.observer:
                changed = replace(recipe, layers=replace(recipe.layers, observer=observer))
                yield Variant(f"observer {observer} for all layers", f'layers.observer = "{observer}"', changed, True)
    if recipe.refine.rounding == "nearest":
        changed = replace(recipe, refine=replace(recipe.refine, rounding="gptq", bias_correction=True))
        yield Variant("rounding search and bias correction", 'refine.rounding = "gptq"', changed)


def _short_name(node: Node) -> str:
    """The layer's name; of names that a converter joined with semicolons, the first."""
    return layer_name(node).partition(";")[0] or layer_name(node)


def _layer_fixes(recipe: Recipe, node: Node, scheme: Scheme) -> Iterator[Variant]:
    name = _short_name(node)
    has_weights = roles_of(node) is not None
    if scheme.arithmetic in ("tflm", "single", "shift"):
        changed = replace(scheme, arithmetic="int16x8", activation_symmetric=True, weight_bits=8)
        more = " and 8-bit weights" if has_weights and scheme.weight_bits < 8 else ""
        yield _of_layer(f"'{name}' with 16-bit activations{more}", recipe, node, scheme, changed)
    if has_weights and scheme.granularity != "channel":
        changed = replace(scheme, granularity="channel")
        yield _of_layer(f"'{name}' with scales per channel", recipe, node, scheme, changed)
    if has_weights and scheme.weight_bits < 8:
        yield _of_layer(f"'{name}' with 8-bit weights", recipe, node, scheme, replace(scheme, weight_bits=8))


def _joint_fixes(recipe: Recipe, made: Plan, worst: Sequence[Node]) -> Iterator[Variant]:
    """What helps one of the worst layers, for all of them at once."""
    found = [list(_layer_fixes(recipe, node, made.scheme_of(node))) for node in worst]
    for variants in zip(*found, strict=False):
        if len(variants) > 1:
            rules = tuple(variant.recipe.rules[-1] for variant in variants)
            what = ", ".join(f"'{_short_name(node)}'" for node in worst)
            kind = variants[0].what.rpartition("' ")[2]
            lines = "; ".join(variant.lines for variant in variants)
            yield Variant(f"{what} {kind}", lines, replace(recipe, rules=(*recipe.rules, *rules)))


def _of_layer(what: str, recipe: Recipe, node: Node, old: Scheme, new: Scheme) -> Variant:
    before, after = asdict(old), asdict(new)
    changes = tuple((key, value) for key, value in after.items() if value != before[key])
    rule = Rule(layer=_pattern(node, layer_name(node)), changes=changes)
    said = "; ".join(f"{key} = {_toml(value)}" for key, value in changes)
    lines = f"[[rules]] layer = {_toml(rule.layer)}; {said}"
    return Variant(what, lines, replace(recipe, rules=(*recipe.rules, rule)))


def _rule(node: Node, scheme: Scheme) -> Rule:
    changes = tuple(asdict(scheme).items())
    return Rule(layer=_pattern(node, node.outputs[0]), changes=changes)


def _pattern(node: Node, name: str) -> str:
    """A glob that matches the name itself, whatever characters it has."""
    pattern = escape(name)
    return pattern if fnmatchcase(name, pattern) else node.outputs[0]


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def nodes_to_analyse(graph: Graph) -> tuple[Node, ...]:
    """The nodes whose quantization is a choice of their own, in execution order."""
    return tuple(node for node in graph.nodes if chooses_scale(node))
