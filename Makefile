# kerascnn: what a fresh machine needs is Python 3.11 to 3.13, make and a package index.
#
#   make demo   train LeNet-5 on real digits, export it, prove the exports
#   make test   the test suite
#   make lint   style, format and types (each is a target of its own)
#   make long   the tests that take minutes
#   make stubs  write the types of the builders again, after a change of a table
#   make clean  remove what these made
#
# Everything is installed into .venv, once; a changed setup.cfg installs again.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO := runs/demo

.PHONY: help demo test long lint style format types stubs clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.installed
	@echo "== Training LeNet-5 on real digits; $(DEMO) is replaced"
	@$(BIN)/python examples/lenet5_digits.py --out $(DEMO) --overwrite

test: $(VENV)/.installed-test
	@echo "== Running the tests"
	@$(BIN)/python -m pytest

long: $(VENV)/.installed-test
	@echo "== Running the tests that take minutes"
	@$(BIN)/python -m pytest -m long

lint: style format types

style: $(VENV)/.installed-dev
	@echo "== Checking style"
	@$(BIN)/ruff check .

format: $(VENV)/.installed-dev
	@echo "== Checking format"
	@$(BIN)/ruff format --check .

# What a user's checker reads of the public names. pyright infers much of TensorFlow's and Keras's types
# wrongly, so that it checks no module that works with them.
PUBLIC := $(addprefix kerascnn/,__init__.py create.py models/registry.py models/columns.py \
	applications/__init__.pyi tuning/__init__.py tuning/axis_names.py tuning/space.py)

types: $(VENV)/.installed-dev
	@echo "== Checking types"
	@$(BIN)/mypy -p kerascnn
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python $(PUBLIC)

stubs: $(VENV)/.installed
	@$(BIN)/python tools/type_stubs.py
	@$(BIN)/python tools/keras_applications_stubs.py

clean:
	rm -rf $(VENV) build *.egg-info src/*.egg-info $(DEMO) .pytest_cache .ruff_cache .mypy_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(not ok and \
	"kerascnn needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d; try: make PYTHON=python3.12" \
	% sys.version_info[:2])'
	@echo "== Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo "== Installing kerascnn into $(VENV) (TensorFlow is large: some minutes the first time)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(BIN)/python
	@echo "== Installing kerascnn with its test tools into $(VENV) (some minutes the first time)"
	@$(PIP) --editable '.[test]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(BIN)/python
	@echo "== Installing kerascnn with its checkers into $(VENV) (some minutes the first time)"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@
