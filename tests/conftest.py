"""Fixtures that several rooms' tests ask for: the checkout, the real models, the demo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcuq import demo

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The folder of real models with models/, data/ and goldens/; a test that asks for it skips where it is absent."""
    folder = Path(os.environ.get("MCUQ_ZOO", ROOT.parent / "shared" / "zoo")).resolve()
    if not (folder / "models").is_dir():
        pytest.skip(f"There is no models/ in {folder}; set MCUQ_ZOO to the folder of real models.")
    return folder


@pytest.fixture(scope="session")
def digits_model() -> Path:
    """The demo's int8 .tflite file."""
    return demo.model_path()


@pytest.fixture(scope="session")
def digits_data() -> Path:
    """The demo's held-out samples."""
    return demo.data_path()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test asks for and where it lies, so that the marks cannot be forgotten."""
    for item in items:
        if "zoo" in getattr(item, "fixturenames", ()):
            item.add_marker("zoo")
        if ROOT / "tests" / "system" in item.path.parents:
            item.add_marker("system")
