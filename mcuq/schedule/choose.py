"""From a graph and a core's features to a Schedule: one step a node, the first kernel that can."""

from __future__ import annotations

from mcuq.artifacts import Buffer, Schedule, Step
from mcuq.errors import UnsupportedModel
from mcuq.ir import Constant, Graph, Node
from mcuq.ops import call_of, card_of
from mcuq.schedule.kernel import Kernel
from mcuq.schedule.kernels import known_kernels
from mcuq.schedule.locate import locate


def _kernel_of(node: Node, graph: Graph, features: frozenset[str]) -> Kernel | str:
    """The kernel that computes the node, or the reason why none does."""
    reasons = []
    for kernel in known_kernels():
        if node.op in kernel.ops and node.arithmetic in kernel.arithmetics and kernel.features <= features:
            reason = kernel.refuses(node, graph)
            if reason is None:
                return kernel
            reasons.append(f"{kernel.name}: {reason}")
    return "; ".join(reasons) or f"there is no kernel for it in '{node.arithmetic}' arithmetic"


def _step(index: int, node: Node, graph: Graph, kernel: Kernel) -> Step:
    work = kernel.plan(node, graph)
    return Step(
        index=index,
        kernel=kernel.name,
        nodes=(node,),
        inputs=tuple(name for name in node.inputs if not isinstance(graph[name], Constant)),
        outputs=node.outputs,
        shape=work.shape,
        parameters=work.parameters,
        constants=work.constants,
        macs=card_of(node.op).macs(call_of(node, graph)),
        scratch_bytes=work.scratch_bytes,
        overlaps=work.overlaps,
    )


def _refuse_constant_outputs(graph: Graph) -> None:
    constant = [name for name in graph.outputs if graph.is_constant(name)]
    if constant:
        raise UnsupportedModel(
            f"output {constant[0]!r} does not depend on any input; remove it from the model, its value is known"
        )


def schedule(graph: Graph, features: frozenset[str] = frozenset(), keep_inputs: bool = False) -> Schedule:
    """The steps of `graph` for a core with these features.

    Raises UnsupportedModel with every node that no kernel computes.
    """
    _refuse_constant_outputs(graph)
    layout = locate(graph)
    steps: list[Step] = []
    missing: list[str] = []
    for position, node in enumerate(graph.nodes):
        if position in layout.free_nodes:
            continue
        kernel = _kernel_of(node, graph, features)
        if isinstance(kernel, str):
            missing.append(f"{node.op} ({', '.join(node.origin)}): {kernel}")
        else:
            steps.append(_step(len(steps), node, graph, kernel))
    if missing:
        raise UnsupportedModel("no kernel computes " + "; ".join(missing))
    scratch = tuple(Buffer(step.scratch, step.scratch_bytes, 4) for step in steps if step.scratch_bytes)
    return Schedule(graph, features, keep_inputs, tuple(steps), layout.buffers + scratch, layout.locations)
