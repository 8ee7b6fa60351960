"""What the templates see: typed, frozen, every number already computed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mcuq.arithmetic import INT16X8, Arithmetic, arithmetic_named
from mcuq.artifacts import MemoryPlan, MonitorMap, PackedConstant, Region, Schedule, Stage, Step, Watched
from mcuq.codegen.literals import array_body, number, text
from mcuq.codegen.monitors import MonitorView, call_of, monitor_map
from mcuq.codegen.names import reduced
from mcuq.codegen.stream import StageView, StreamPlaces, StreamView, operands_of, stream_view
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
    place: str
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
    in_ram: bool = False


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
    place: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step: the call that it makes, or (`stream`) the layers that it computes row by row."""

    index: int
    function: str
    arguments: tuple[str, ...]
    parameters_type: str
    parameters: tuple[tuple[str, str], ...]
    constants: tuple[ConstantView, ...]
    outputs: tuple[RegionView, ...]
    comment: str
    stream: StreamView | None = None


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
    regions: tuple[Region, ...]
    constant_bytes: int
    ram_constant_bytes: int
    macs: int
    keep_inputs: bool
    has_fpu: bool
    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    functions: tuple[FunctionView, ...]
    steps: tuple[StepView, ...]
    labels: tuple[str, ...] = ()
    input_monitors: tuple[MonitorView, ...] = ()
    monitors: tuple[MonitorView, ...] = ()

    @property
    def has_monitors(self) -> bool:
        """Whether what the model does in the field is counted."""
        return bool(self.monitors)

    @property
    def generation(self) -> str:
        """A C literal that differs between any two models, versions, options and plans: files of one fit together."""
        said = [
            self.model_hash,
            self.version,
            self.options,
            self.arena_bytes,
            self.labels,
            *(m.call for m in (*self.input_monitors, *self.monitors)),
            *(f.name for f in self.functions),
            *self.regions,
        ]
        for step in self.steps:
            said += [
                step.function,
                step.arguments,
                step.parameters,
                *((c.name, c.body, c.in_ram) for c in step.constants),
            ]
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
    def uses_int4_stream(self) -> bool:
        """Whether any function takes 4-bit weights as mixed lanes, so that it needs the header for that."""
        return any("/dsp" in function.kernel and function.kernel.endswith("_w4") for function in self.functions)

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
    def uses_rows(self) -> bool:
        """Whether any step computes row by row, so that it needs the header for that."""
        return any(step.stream is not None for step in self.steps)

    @property
    def hash_bytes(self) -> tuple[str, ...]:
        """The first eight bytes of the hash as C literals."""
        return tuple(f"0x{self.model_hash[i : i + 2]}" for i in range(0, 16, 2))


FunctionKey = tuple[str, Any, str]


@dataclass(frozen=True, slots=True)
class _Names:
    """The prefix of C names, and the C struct of each kernel's parameters ("" for none)."""

    model: str
    parameter_types: Mapping[str, str]


def offset_of(schedule: Schedule, plan: MemoryPlan, value: str) -> int:
    """Where in the arena a run-time value lies, in bytes."""
    location = schedule.location(value)
    return plan.placement(location.buffer).offset_bytes + location.offset_bytes


def place_of(plan: MemoryPlan, offset_bytes: int) -> str:
    """The C expression of a byte of the arena, in a function that is given `net`."""
    region = plan.region_at(offset_bytes)
    pointer = region.name if plan.is_split else "arena"
    return f"net->{pointer} + {offset_bytes - region.offset_bytes}"


def _port(schedule: Schedule, plan: MemoryPlan, index: int, name: str) -> PortView:
    tensor = schedule.graph.tensor(name)
    q = tensor.quantization
    return PortView(
        index=index,
        offset=offset_of(schedule, plan, name),
        place=place_of(plan, offset_of(schedule, plan, name)),
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


def _c_type(kernel: str, value: Tensor) -> str:
    """The type by which a kernel reaches a value; buffers are aligned for every type."""
    is_bytes = kernel.startswith("lookup/") or (value.dtype.kind == "float" and kernel.startswith(_BY_THE_BYTE))
    return "uint8_t" if is_bytes else value.dtype.c


def _arguments(
    schedule: Schedule, step: Step | Stage, prefix: str, places: Sequence[str], scratch: str
) -> tuple[str, ...]:
    """What a kernel is called with: `places` are where its run-time operands and then its outputs lie in the arena."""
    constant = {c.role: f"{prefix}_{c.role}" for c in step.constants if c.role.startswith("operand_")}
    outputs = step.outputs if isinstance(step, Step) else (step.output,)
    waiting, where = list(step.inputs), list(places)
    arguments: list[str] = []
    while waiting or f"operand_{len(arguments)}" in constant:
        operand = f"operand_{len(arguments)}"
        if operand in constant:
            arguments.append(constant[operand])
            continue
        c_type = _c_type(step.kernel, schedule.graph.tensor(waiting.pop(0)))
        arguments.append(f"(const {c_type} *)({where.pop(0)})")
    for name, place in zip(outputs, where, strict=True):
        arguments.append(f"({_c_type(step.kernel, schedule.graph.tensor(name))} *)({place})")
    if step.scratch_bytes:
        arguments.append(f"(void *)({scratch})")
    return tuple(arguments)


def _parameters(step: Step | Stage, prefix: str) -> tuple[tuple[str, str], ...]:
    pointers = [(c.role, f"{prefix}_{c.role}") for c in step.constants if not c.role.startswith("operand_")]
    numbers = [(f.name, number(getattr(step.parameters, f.name))) for f in fields(step.parameters)]
    return tuple(pointers + numbers)


def _constants(constants: Sequence[PackedConstant], prefix: str, in_ram: bool) -> tuple[ConstantView, ...]:
    return tuple(
        ConstantView(f"{prefix}_{c.role}", c.c_type, math.prod(c.values.shape), array_body(c.values), in_ram)
        for c in constants
    )


def _scratch_offset(plan: MemoryPlan, step: Step) -> int:
    return plan.placement(step.scratch).offset_bytes if step.scratch_bytes else 0


def _stream(
    schedule: Schedule, plan: MemoryPlan, step: Step, functions: Mapping[FunctionKey, FunctionView], names: _Names
) -> StreamView | None:
    """The inside of a step that computes row by row; None of others."""
    stream = step.stream
    if stream is None:
        return None
    source, target = (offset_of(schedule, plan, name) for name in (step.inputs[0], step.outputs[0]))
    region = plan.region_at(source)
    base = region.offset_bytes
    scratch_start = _scratch_offset(plan, step) - base
    places = StreamPlaces(schedule, step, stream, source - base, target - base, scratch_start)

    def view(index: int, stage: Stage) -> StageView:
        prefix = f"{names.model}_{step.index}_{index}"
        to = f"arena + to_{index}"
        scratch = f"arena + {places.scratch + stream.stage_offset_bytes}"
        operands = operands_of(places, stage)
        rows = [f"arena + from_{index}_{operand.index}" for operand in operands]
        edge = [f"arena + {places.scratch + stream.edge_offset_bytes}", *rows[1:]]
        kind = names.parameter_types[stage.kernel]
        last = (f"&{prefix}_parameters",) if kind else ()
        return StageView(
            index=index,
            function=functions[_function_key(stage)].name,
            operands=operands,
            start=places.write_to(stage.output),
            row_bytes=places.row_bytes(stage.output),
            arguments=(*_arguments(schedule, stage, prefix, [*rows, to], scratch), *last),
            edge_arguments=(*_arguments(schedule, stage, prefix, [*edge, to], scratch), *last),
            parameters_type=kind,
            parameters_name=f"{prefix}_parameters",
            parameters=_parameters(stage, prefix) if kind else (),
        )

    return stream_view(places, view, region.name if plan.is_split else "arena")


def _written(schedule: Schedule, plan: MemoryPlan, name: str) -> RegionView:
    offset = offset_of(schedule, plan, name)
    return RegionView(offset, schedule.graph.tensor(name).bytes, place_of(plan, offset))


def _step(
    schedule: Schedule, plan: MemoryPlan, step: Step, functions: Mapping[FunctionKey, FunctionView], names: _Names
) -> StepView:
    prefix = f"{names.model}_{step.index}"
    places = [place_of(plan, offset_of(schedule, plan, name)) for name in (*step.inputs, *step.outputs)]
    scratch = place_of(plan, _scratch_offset(plan, step))
    streams = step.stream is not None
    kind = "" if streams else names.parameter_types[step.kernel]
    constants = _constants(step.constants, prefix, step.constants_in_ram)
    for index, stage in enumerate(step.stream.stages if step.stream else ()):
        constants += _constants(stage.constants, f"{prefix}_{index}", step.constants_in_ram)
    return StepView(
        index=step.index,
        function="" if streams else functions[_function_key(step)].name,
        arguments=() if streams else _arguments(schedule, step, prefix, places, scratch),
        parameters_type=kind,
        parameters=_parameters(step, prefix) if kind else (),
        constants=constants,
        outputs=tuple(_written(schedule, plan, n) for n in step.outputs),
        comment=_step_comment(schedule, step),
        stream=_stream(schedule, plan, step, functions, names),
    )


def _function_key(step: Step | Stage) -> FunctionKey:
    node = step.nodes[0] if isinstance(step, Step) else step.node
    return step.kernel, step.shape, node.arithmetic


def _calls(schedule: Schedule) -> Iterator[Step | Stage]:
    """Everything that calls a kernel: steps, and the stages of streamed ones."""
    for step in schedule.steps:
        yield from step.stream.stages if step.stream is not None else (step,)


def functions_of(schedule: Schedule, name: str) -> dict[FunctionKey, FunctionView]:
    """One function for each kernel, shape and arithmetic that the schedule uses, in the order of first use."""
    found: dict[FunctionKey, FunctionView] = {}
    for call in _calls(schedule):
        key = _function_key(call)
        if key not in found:
            op = call.kernel.split("/")[0]
            found[key] = FunctionView(f"{name}_{op}_{len(found)}", call.kernel, call.shape, arithmetic_named(key[2]))
    return found


def model_view(
    schedule: Schedule,
    plan: MemoryPlan,
    name: str,
    model_hash: str,
    version: str,
    parameter_types: dict[str, str],
    labels: tuple[str, ...] = (),
    monitors: bool = False,
) -> ModelView:
    """Everything that the templates print; `parameter_types` maps each kernel to its C struct, "" for none."""
    functions = functions_of(schedule, name)
    watching = monitor_map(schedule, name, model_hash) if monitors else MonitorMap(name, model_hash, (), ())
    steps = tuple(_step(schedule, plan, s, functions, _Names(name, parameter_types)) for s in schedule.steps)
    return ModelView(
        name=name,
        macro=name.upper(),
        model_hash=model_hash,
        version=version,
        options=f"keep_inputs={'yes' if schedule.keep_inputs else 'no'}, optimize={schedule.optimize}"
        + (", monitors" if monitors else ""),
        arena_bytes=plan.arena_bytes,
        arena_alignment=plan.alignment_bytes,
        regions=plan.regions if plan.is_split else (),
        constant_bytes=schedule.constant_bytes,
        ram_constant_bytes=schedule.ram_constant_bytes,
        macs=schedule.macs,
        keep_inputs=schedule.keep_inputs,
        has_fpu="fpu" in schedule.features,
        inputs=tuple(_port(schedule, plan, i, n) for i, n in enumerate(schedule.graph.inputs)),
        outputs=tuple(_port(schedule, plan, i, n) for i, n in enumerate(schedule.graph.outputs)),
        functions=tuple(functions.values()),
        steps=steps,
        labels=tuple(map(text, labels)),
        input_monitors=_monitors(schedule, plan, watching.inputs),
        monitors=_monitors(schedule, plan, watching.values),
    )


def _monitors(schedule: Schedule, plan: MemoryPlan, values: Sequence[Watched]) -> tuple[MonitorView, ...]:
    return tuple(
        MonitorView(
            index, watched.step, call_of(watched, index, place_of(plan, offset_of(schedule, plan, watched.value)))
        )
        for index, watched in enumerate(values)
    )
