"""The validation run on disturbed inputs: the curve of the device is that of `eval`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mcuq import cli, demo, pipeline
from mcuq.errors import ToolMissing
from mcuq.perturb import BRIGHTNESS, SHIFT


def test_the_curve_of_the_device_is_that_of_eval(tmp_path: Path) -> None:
    """Same perturbations, same seed, same points; the reference beside them is the same model on this computer."""
    graph = pipeline.load(demo.model_path())
    samples = pipeline.load_samples(demo.data_path(), graph, 40)
    try:
        made = pipeline.build(graph, pipeline.find_board("host"), tmp_path)
    except ToolMissing as error:
        pytest.skip(str(error))
    kinds = (SHIFT, BRIGHTNESS)
    measured = pipeline.run(made, samples, perturbations=kinds)
    expected = pipeline.robustness(graph, samples, perturbations=kinds)
    assert [(p.perturbation, p.level, p.accuracy, p.stability) for p in measured.robustness] == [
        (p.perturbation, p.level, p.accuracy, p.stability) for p in expected
    ]
    assert all((p.accuracy, p.stability) == (p.reference_accuracy, p.reference_stability) for p in measured.robustness)
    assert measured.notes == ()
    result = CliRunner().invoke(
        cli.app,
        ["run", str(tmp_path), "-d", str(demo.data_path()), "--limit", "10", "--perturb", "shift", "--json", "-"],
    )
    assert result.exit_code == 0, result.output
    assert [point["level"] for point in json.loads(result.stdout)["robustness"]] == [1, 2, 4]
    assert "shift (elements along the longest axis)" in result.stderr
    refused = CliRunner().invoke(cli.app, ["run", str(tmp_path), "-d", str(demo.data_path()), "--perturb", "fog"])
    assert refused.exit_code == 2
    assert "'fog' is none of noise, shift, brightness, all" in " ".join(refused.output.split())
