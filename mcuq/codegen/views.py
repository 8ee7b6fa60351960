"""What the templates see: typed, frozen, every number already computed."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, fields
from typing import Any

from mcuq.arithmetic import INT16X8, Arithmetic, arithmetic_named
from mcuq.artifacts import MemoryPlan, Schedule, Step
from mcuq.codegen.literals import array_body, number, text
from mcuq.codegen.names import reduced
from mcuq.ir import Tensor, Value

DTYPE_ENUM = {
    "int8": "MCUQ_INT8",
    "uint8": "MCUQ_UINT8",
    "int16": "MCUQ_INT16",
    "int32": "MCUQ_INT32",
    "float32": "MCUQ_FLOAT32",
    "int64": "MCUQ_INT64",
    "bool": "MCUQ_BOOL",
}


@dataclass(frozen=True, slots=True)
class PortView:
    """One input or output of the model."""

    index: int
    offset: int
    bytes: int
    elements: int
    c_type: str
    dtype_enum: str
    shape: tuple[int, ...]
    scale: str | None
    zero_point: int
    minimum: int
    maximum: int
    comment: str


@dataclass(frozen=True, slots=True)
class ConstantView:
    """One array in flash."""

    name: str
    c_type: str
    elements: int
    body: str


@dataclass(frozen=True, slots=True)
class FunctionView:
    """One specialised kernel function, shared by all steps of its kernel, shape and arithmetic."""

    name: str
    kernel: str
    shape: Any
    arithmetic: Arithmetic


@dataclass(frozen=True, slots=True)
class RegionView:
    """A written range of the arena."""

    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StepView:
    """One step: the call that it makes."""

    index: int
    function: str
    arguments: tuple[str, ...]
    parameters_type: str
    parameters: tuple[tuple[str, str], ...]
    constants: tuple[ConstantView, ...]
    outputs: tuple[RegionView, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """The whole model."""

    name: str
    macro: str
    model_hash: str
    version: str
    options: str
    arena_bytes: int
    arena_alignment: int
    constant_bytes: int
    macs: int
    keep_inputs: bool
    has_fpu: bool
    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    functions: tuple[FunctionView, ...]
    steps: tuple[StepView, ...]
    labels: tuple[str, ...] = ()

    @property
    def generation(self) -> str:
        """A C literal that differs between any two models, versions, options and plans: files of one fit together."""
        said = [
            self.model_hash,
            self.version,
            self.options,
            self.arena_bytes,
            self.labels,
            *(f.name for f in self.functions),
        ]
        for step in self.steps:
            said += [step.comment, step.arguments, step.parameters, *((c.name, c.body) for c in step.constants)]
        return f"0x{zlib.crc32(repr(said).encode()):08x}u"

    @property
    def uses_float(self) -> bool:
        """Whether any function computes in float, so that it needs the headers for that."""
        return any(not function.arithmetic.is_integer for function in self.functions)

    @property
    def uses_int4(self) -> bool:
        """Whether any function reads 4-bit weights, so that it needs the header for that."""
        return any(function.kernel.endswith("/portable_w4") for function in self.functions)

    @property
    def uses_int16(self) -> bool:
        """Whether any function computes with int16 activations, so that it needs the header for that."""
        return any(function.arithmetic is INT16X8 for function in self.functions)

    @property
    def uses_lanes(self) -> bool:
        """Whether any function packs two pixels into a product, so that it needs the header for that."""
        return any(function.kernel.endswith("/lanes") for function in self.functions)

    @property
    def uses_dsp(self) -> bool:
        """Whether any function is made for DSP instructions, so that it needs the header for that."""
        return any(function.kernel.split("/")[1].startswith("dsp") for function in self.functions)

    @property
    def hash_bytes(self) -> tuple[str, ...]:
        """The first eight bytes of the hash as C literals."""
        return tuple(f"0x{self.model_hash[i : i + 2]}" for i in range(0, 16, 2))


def offset_of(schedule: Schedule, plan: MemoryPlan, value: str) -> int:
    """Where in the arena a run-time value lies, in bytes."""
    location = schedule.location(value)
    return plan.placement(location.buffer).offset_bytes + location.offset_bytes


def _port(schedule: Schedule, plan: MemoryPlan, index: int, name: str) -> PortView:
    tensor = schedule.graph.tensor(name)
    q = tensor.quantization
    return PortView(
        index=index,
        offset=offset_of(schedule, plan, name),
        bytes=tensor.bytes,
        elements=tensor.elements,
        c_type=tensor.dtype.c,
        dtype_enum=DTYPE_ENUM[tensor.dtype.name],
        shape=tensor.shape,
        scale=None if q is None or not tensor.dtype.is_integer else number(float(q.scale)),
        zero_point=0 if q is None else q.zero_point,
        minimum=tensor.dtype.minimum if tensor.dtype.is_integer else 0,
        maximum=tensor.dtype.maximum if tensor.dtype.is_integer else 0,
        comment=reduced(name),
    )


def _shape_text(value: Value) -> str:
    return "x".join(map(str, value.shape)) or "scalar"


def _step_comment(schedule: Schedule, step: Step) -> str:
    graph = schedule.graph
    ops = "+".join(node.op for node in step.nodes)
    shapes = f"{', '.join(_shape_text(graph[n]) for n in step.inputs)} -> {_shape_text(graph[step.outputs[0]])}"
    layers = " ".join(filter(None, (reduced(layer) for layer in step.layers)))
    how = f"{step.kernel} ({step.variant})" if step.variant else step.kernel
    return f"{ops} {shapes}, {step.macs} MAC, {how}" + (f": {layers}" if layers else "")


# Tables index by the byte; at the edges one value may lie over the other, which C allows for bytes alone.
_BY_THE_BYTE = ("lookup/", "quantize/", "dequantize/")


def _c_type(step: Step, value: Tensor) -> str:
    """The type by which a kernel reaches a value; buffers are aligned for every type."""
    is_bytes = step.kernel.startswith("lookup/") or (
        value.dtype.kind == "float" and step.kernel.startswith(_BY_THE_BYTE)
    )
    return "uint8_t" if is_bytes else value.dtype.c


def _arguments(schedule: Schedule, plan: MemoryPlan, step: Step, prefix: str) -> tuple[str, ...]:
    constant = {c.role: f"{prefix}_{c.role}" for c in step.constants if c.role.startswith("operand_")}
    waiting = list(step.inputs)
    arguments: list[str] = []
    while waiting or f"operand_{len(arguments)}" in constant:
        operand = f"operand_{len(arguments)}"
        if operand in constant:
            arguments.append(constant[operand])
            continue
        name = waiting.pop(0)
        c_type = _c_type(step, schedule.graph.tensor(name))
        arguments.append(f"(const {c_type} *)(net->arena + {offset_of(schedule, plan, name)})")
    for name in step.outputs:
        c_type = _c_type(step, schedule.graph.tensor(name))
        arguments.append(f"({c_type} *)(net->arena + {offset_of(schedule, plan, name)})")
    if step.scratch_bytes:
        arguments.append(f"(void *)(net->arena + {plan.placement(step.scratch).offset_bytes})")
    return tuple(arguments)


def _parameters(step: Step, prefix: str) -> tuple[tuple[str, str], ...]:
    pointers = [(c.role, f"{prefix}_{c.role}") for c in step.constants if not c.role.startswith("operand_")]
    numbers = [(f.name, number(getattr(step.parameters, f.name))) for f in fields(step.parameters)]
    return tuple(pointers + numbers)


def _step(
    schedule: Schedule, plan: MemoryPlan, step: Step, function: FunctionView, parameters_type: str, name: str
) -> StepView:
    prefix = f"{name}_{step.index}"
    return StepView(
        index=step.index,
        function=function.name,
        arguments=_arguments(schedule, plan, step, prefix),
        parameters_type=parameters_type,
        parameters=_parameters(step, prefix) if parameters_type else (),
        constants=tuple(
            ConstantView(f"{prefix}_{c.role}", c.c_type, math.prod(c.values.shape), array_body(c.values))
            for c in step.constants
        ),
        outputs=tuple(RegionView(offset_of(schedule, plan, n), schedule.graph.tensor(n).bytes) for n in step.outputs),
        comment=_step_comment(schedule, step),
    )


FunctionKey = tuple[str, Any, str]


def _function_key(step: Step) -> FunctionKey:
    return step.kernel, step.shape, step.nodes[0].arithmetic


def functions_of(schedule: Schedule, name: str) -> dict[FunctionKey, FunctionView]:
    """One function for each kernel, shape and arithmetic that the schedule uses, in the order of first use."""
    found: dict[FunctionKey, FunctionView] = {}
    for step in schedule.steps:
        key = _function_key(step)
        if key not in found:
            op = step.kernel.split("/")[0]
            arithmetic = arithmetic_named(step.nodes[0].arithmetic)
            found[key] = FunctionView(f"{name}_{op}_{len(found)}", step.kernel, step.shape, arithmetic)
    return found


def model_view(
    schedule: Schedule,
    plan: MemoryPlan,
    name: str,
    model_hash: str,
    version: str,
    parameter_types: dict[str, str],
    labels: tuple[str, ...] = (),
) -> ModelView:
    """Everything that the templates print; `parameter_types` maps each kernel to its C struct, "" for none."""
    functions = functions_of(schedule, name)
    steps = tuple(
        _step(schedule, plan, s, functions[_function_key(s)], parameter_types[s.kernel], name) for s in schedule.steps
    )
    return ModelView(
        name=name,
        macro=name.upper(),
        model_hash=model_hash,
        version=version,
        options=f"keep_inputs={'yes' if schedule.keep_inputs else 'no'}, optimize={schedule.optimize}",
        arena_bytes=plan.arena_bytes,
        arena_alignment=plan.alignment_bytes,
        constant_bytes=schedule.constant_bytes,
        macs=schedule.macs,
        keep_inputs=schedule.keep_inputs,
        has_fpu="fpu" in schedule.features,
        inputs=tuple(_port(schedule, plan, i, n) for i, n in enumerate(schedule.graph.inputs)),
        outputs=tuple(_port(schedule, plan, i, n) for i, n in enumerate(schedule.graph.outputs)),
        functions=tuple(functions.values()),
        steps=steps,
        labels=tuple(map(text, labels)),
    )
