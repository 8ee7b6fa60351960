"""The verdict of a run as JUnit XML, which CI services show: one test a gate."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import fields

from mcuq.artifacts import Measurement
from mcuq.project import Gates
from mcuq.report.gates import failed_gates


def junit(measurement: Measurement, gates: Gates) -> str:
    """The gates that are set, each passed or failed with its sentence; and one test that the run came to its end."""
    m = measurement
    failed = dict(sentence.split(": ", 1) for sentence in failed_gates(measurement, gates))
    given = [
        field.name
        for field in fields(gates)
        if (value := getattr(gates, field.name)) is not None and value is not False
    ]
    asked = [f"--{name.replace('_', '-')}" for name in given]
    asked += ["--soak"] if m.soak is not None else []
    where = f"mcuq.{m.board}.{m.link}"
    suite = ET.Element(
        "testsuite", name=f"{m.model} on {m.board}", tests=str(len(asked) + 1), failures=str(len(failed))
    )
    ET.SubElement(suite, "testcase", classname=where, name=f"{m.samples} samples ran")
    for gate in asked:
        case = ET.SubElement(suite, "testcase", classname=where, name=gate)
        if gate in failed:
            ET.SubElement(case, "failure", message=failed[gate])
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"
