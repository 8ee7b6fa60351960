"""From the registers that a device saved in its fault handler to function, step and layer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mcuq.artifacts import Image
from mcuq.run.functions import Functions
from mcuq.run.messages import Fault

# Configurable Fault Status Register: Armv7-M Architecture Reference Manual, B3.2.15.
_CAUSES = {
    0: "instruction fetch from memory that must not run",
    1: "data access that the memory protection forbids",
    3: "memory fault on return from an exception",
    4: "memory fault while entering an exception: the stack ran over",
    8: "instruction fetch from an address that is not there",
    9: "data access to an address that is not there",
    10: "write to an address that is not there",
    11: "bus fault on return from an exception",
    12: "bus fault while entering an exception: the stack ran over",
    16: "undefined instruction",
    17: "jump to an address that is no Thumb code",
    18: "invalid return from an exception",
    19: "floating-point instruction without a floating-point unit",
    24: "unaligned access",
    25: "division by zero",
}
_EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}
# Causes of traps: The RISC-V Instruction Set Manual, volume II, table of mcause.
_RISCV_CAUSES = {
    0: "jump to a misaligned address",
    1: "instruction fetch from an address that is not there",
    2: "illegal instruction",
    3: "breakpoint",
    4: "read from a misaligned address",
    5: "read from an address that is not there",
    6: "write to a misaligned address",
    7: "write to an address that is not there",
}


class FaultMap:
    """Names the place of a fault in an image; `layers` are those of every step, `c_text` is the model's C file."""

    def __init__(
        self, image: Image, model_name: str, layers: Sequence[Sequence[str]], c_text: str, *, is_riscv: bool = False
    ) -> None:
        self._is_riscv = is_riscv
        self._functions = Functions(image, model_name)
        self._layers = layers
        self._steps_of = steps_of_functions(model_name, c_text)

    def describe(self, fault: Fault) -> str:
        """Exception, cause, registers, function and layers, as a part of a sentence."""
        causes = [text for bit, text in _CAUSES.items() if fault.cfsr >> bit & 1]
        name = _EXCEPTIONS.get(fault.exception, "fault")
        if self._is_riscv:
            name, causes = "trap", [_RISCV_CAUSES.get(fault.exception, f"mcause {fault.exception}")]
        cause = f" ({', '.join(causes)})" if causes else ""
        return f"a {name}{cause} in {self._functions.name(fault.pc)}{self._place(fault)}: {fault}"

    def _place(self, fault: Fault) -> str:
        steps = self.steps_at(fault)
        if not steps:
            return ""
        parts = [f"step {step} ({', '.join(self._layers[step]) or 'no layer of its own'})" for step in steps]
        return f", {' or '.join(parts)}"

    def steps_at(self, fault: Fault) -> tuple[int, ...]:
        """The steps that may have been running: one where pc or lr lies in it, else all that call the function."""
        for address in (fault.pc, fault.lr):
            symbol = self._functions.at(address)
            step = None if symbol is None else self._functions.entries.get(symbol.address)
            if step is not None:
                return (step,)
        symbol = self._functions.at(fault.pc)
        return () if symbol is None else self._steps_of.get(symbol.name.partition(".")[0], ())


def steps_of_functions(model_name: str, c_text: str) -> Mapping[str, tuple[int, ...]]:
    """Which steps call each function of the model's C, directly or through others."""
    heading = re.compile(rf"^[^\n;{{}}]*?\b({re.escape(model_name)}_\w+)\([^;{{}}]*\)\s*\{{", re.MULTILINE)
    found = list(heading.finditer(c_text))
    ends = [match.start() for match in found[1:]] + [len(c_text)]
    bodies = {match[1]: c_text[match.end() : end] for match, end in zip(found, ends, strict=True)}
    calls = {
        name: {called for called in re.findall(r"\b(\w+)\(", body) if called in bodies} for name, body in bodies.items()
    }
    steps: dict[str, set[int]] = {}
    for name in bodies:
        step = re.fullmatch(re.escape(model_name) + r"_step_(\d+)", name)
        reached, todo = set[str](), [name] if step else []
        while todo:
            current = todo.pop()
            if current not in reached:
                reached.add(current)
                todo.extend(calls[current])
        for function in reached:
            steps.setdefault(function, set()).add(int(step[1]) if step else 0)
    return {name: tuple(sorted(indices)) for name, indices in steps.items()}
