"""A model is read, and looked at before anything is compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcuq.artifacts import BALANCED, Inspection, Layer, MemoryPlan, Refused, Removed, Schedule
from mcuq.boards import Board
from mcuq.errors import UnsupportedModel
from mcuq.importers import load_keras, load_model
from mcuq.ir import Constant, Graph
from mcuq.ir.text import value_to_text
from mcuq.ops import call_of, card_of, is_known, refusals
from mcuq.passes import simplify
from mcuq.pipeline.choosing import chosen, planned_for_board, prepared


def load(model: str | Path | Any) -> Graph:
    """A model file (.tflite, .mcuq, .keras, .h5), a SavedModel folder or a Keras model as a simplified graph.

    Raises InvalidModel for a damaged file and UnsupportedModel with everything that is not supported.
    """
    return simplify(load_model(Path(model)) if isinstance(model, (str, Path)) else load_keras(model))


def removed(graph: Graph, small: Graph) -> Removed:
    """What `prepared` took of the graph."""
    layers, left = _layers(graph), _layers(small)
    return Removed(
        macs=sum(layer.macs for layer in layers) - sum(layer.macs for layer in left),
        parameters=sum(layer.parameters for layer in layers) - sum(layer.parameters for layer in left),
    )


def _layers(graph: Graph) -> tuple[Layer, ...]:
    layers = []
    for node in graph.nodes:
        output = graph.tensor(node.outputs[0])
        parameters = sum(v.elements for v in graph.operands(node) if isinstance(v, Constant))
        macs = card_of(node.op).macs(call_of(node, graph)) if is_known(node.op) else 0
        text = value_to_text(output).partition(" ")[2]
        name = node.origin[-1] if node.origin else output.name
        layers.append(Layer(name, node.op, output.shape, output.dtype.name, text, parameters, macs))
    return tuple(layers)


def refused(graph: Graph) -> tuple[Refused, ...]:
    """Every reason why the graph cannot become C."""
    return tuple(Refused(refusal.op, refusal.layers, refusal.reason) for refusal in refusals(graph))


def inspect(
    graph: Graph,
    board: Board | None = None,
    *,
    keep_inputs: bool = False,
    remove_dead_channels: bool = True,
    optimize: str = BALANCED,
) -> Inspection:
    """Layers, refusals, exact arena and constants, and whether that fits the board."""
    found = refused(graph)
    given, graph = graph, graph if found else prepared(graph, remove_dead_channels)
    planned: Schedule | None = None
    plan: MemoryPlan | None = None
    if not found:
        try:
            planned, plan = chosen(graph, board.features if board else frozenset(), keep_inputs, optimize)
            plan = planned_for_board(planned, board) if board is not None and board.fast is not None else plan
        except UnsupportedModel as error:
            found = (Refused("", (), str(error)),)
    flash_free, ram_free = free_bytes(board, planned, plan)
    fits = None if flash_free is None or ram_free is None else flash_free >= 0 and ram_free >= 0
    layers, dead = _layers(graph), removed(given, graph)
    return Inspection(graph, layers, found, planned, plan, board, fits, flash_free, ram_free, dead)


def free_bytes(board: Board | None, planned: Schedule | None, plan: MemoryPlan | None) -> tuple[int | None, int | None]:
    """Flash less constants; RAM less arena, stack and copied constants (firmware comes on top); None for the unknown.

    Memories count together; where one is too small, what is missing there is the (negative) figure.
    """
    if board is None or board.flash is None or board.ram is None or planned is None or plan is None:
        return None, None
    stack = board.region_of("stack")
    used = {region: board.stack_bytes if region == stack else 0 for region in board.ram_regions}
    for name, region in (("fast", board.fast), ("slow", board.region_of("arena"))):
        if region is not None:
            used[region] += plan.region_bytes(name)
    if (data := board.region_of("data")) is not None:
        used[data] += planned.ram_constant_bytes
    left = [region.bytes - taken for region, taken in used.items()]
    missing = sum(free for free in left if free < 0)
    return board.flash.bytes - planned.constant_bytes, missing or sum(left)
