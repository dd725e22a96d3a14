# `make` lists the targets. Everything runs in .venv, which `install` creates.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install check test clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv with both packages (only when something changed)

$(STAMP): pyproject.toml profiling/pyproject.toml $(wildcard $(CONSTRAINTS))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) \
	  -e '.[dev]' -e './profiling[peers,report]'
	@touch $@

check: $(STAMP)  ## lint, format and types: ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

test: $(STAMP)  ## every test, the slow and the browser ones too
	$(BIN)/python -m pytest

clean:  ## remove .venv and everything generated (committed results stay)
	rm -rf .venv .venv-newest .asv results/html results/profile .pytest_cache .ruff_cache .hypothesis
