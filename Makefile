# make demo   set up and run the whole pipeline on real data: DATA=digits|mnist|fashion_mnist|
#             ng20_text or a path; DATA_DIR=folder of NAME.npz files, searched before downloading
# make test   set up and run the tests
# make lint   ruff and type checks
PYTHON ?= python3
VENV ?= .venv
DATA ?= digits
DATA_DIR ?=
OUT ?= runs/demo/$(basename $(notdir $(DATA)))
BIN = $(VENV)/bin

.PHONY: demo test lint format clean

demo: $(VENV)/runtime.stamp
	$(BIN)/python -m examples.demo --data $(DATA) --out $(OUT) $(if $(DATA_DIR),--data-dir $(DATA_DIR))

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); set PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/runtime.stamp

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache
