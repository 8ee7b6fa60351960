# make demo     build the demo model for a Cortex-M4, run it on the simulator, print what it does
# make test     install what the tests need and run them
# make keras    the tests of Keras models, with TensorFlow (about 600 MB) in an environment of its own
# make layouts  what ESP-IDF's component manager and PlatformIO say of their layouts, in an environment of their own
# make lint     style, types, and who may import whom
# make bench    the benchmarks
# make docs     the API of Python and of the generated C as HTML in build/docs (the latter with doxygen)
# make wheel    dist/mcuq-<version>-py3-none-any.whl
#
# Everything is installed into .venv and nowhere else. PYTHON chooses the interpreter, PYTEST_ARGS reaches pytest.

PYTHON ?= python3
PYTEST_ARGS ?= -n 2
VENV := .venv
BIN := $(VENV)/bin
KERAS := $(VENV)/keras
LAYOUTS := $(VENV)/layouts
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: demo test keras layouts lint bench docs wheel clean

demo: $(VENV)/.demo
	$(BIN)/mcuq demo

test: $(VENV)/.test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

keras: $(KERAS)/.test
	$(KERAS)/bin/python -m pytest $(PYTEST_ARGS) tests/importers/keras tests/benchmarks/test_examples.py

layouts: $(LAYOUTS)/.test
	$(LAYOUTS)/bin/python -m pytest tests/codegen/test_layouts.py -k "esp_idf_manifest or platformio_library"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/schemes.py

docs: $(VENV)/.test
	$(BIN)/python -m pdoc --output-directory build/docs/python mcuq.pipeline mcuq.artifacts mcuq.errors
	$(BIN)/mcuq codegen mcuq/demo/digits_int8.tflite --name digits --layout make --protocol -o build/docs/digits
	@command -v doxygen >/dev/null || { echo "no pages of the C API without doxygen; try: apt-get install doxygen"; exit 1; }
	doxygen docs/c.doxyfile

wheel: $(VENV)/.venv
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist

# Stamps: an installation is repeated only when pyproject.toml changes.
$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "mcuq needs Python 3.10 or newer; name one with: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment could be made; try: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.venv
	$(PIP) install --quiet --editable ".[all]"
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.venv
	$(PIP) install --quiet --editable ".[all,test]"
	@touch $@ $(VENV)/.demo

# Apart from .venv, because TensorFlow brings versions of its own of what mcuq needs; tf_keras reads models of Keras 2.
$(KERAS)/.test: pyproject.toml | $(VENV)/.venv
	@$(PYTHON) -m venv $(KERAS)
	$(KERAS)/bin/python -m pip --disable-pip-version-check install --quiet --editable ".[all,test,keras]" tf_keras
	@touch $@

# Apart from .venv as well: both bring many packages that mcuq does not need.
$(LAYOUTS)/.test: pyproject.toml | $(VENV)/.venv
	@$(PYTHON) -m venv $(LAYOUTS)
	$(LAYOUTS)/bin/python -m pip --disable-pip-version-check install --quiet --editable ".[test]" idf-component-manager platformio
	@touch $@
