# `make` lists the targets. Everything runs in .venv, which `install` creates.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install check test exactness ratios bench history compare gate export profile html \
  serve clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(STAMP)  ## create .venv with both packages (only when something changed)

$(STAMP): pyproject.toml profiling/pyproject.toml $(wildcard $(CONSTRAINTS))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) \
	  -e '.[dev]' -e './profiling[peers,report]'
	@touch $@

check: $(STAMP)  ## lint, format and types: ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

# The solver's tests compile, on all cores; jitscope's measure, and want the machine for themselves.
test: $(STAMP)  ## every test, the slow and the browser ones too
	$(BIN)/python -m pytest -n auto --dist loadfile solver/tests
	$(BIN)/python -m pytest profiling/tests

exactness: $(STAMP)  ## digits and evaluations beside SciPy's, on every reference problem
	@PYTHONPATH=solver/tests $(BIN)/python -m reference results/exactness.json

ratios: $(STAMP)  ## how fast beside SciPy, NLSQ and Optimistix, and against the targets
	@$(BIN)/python -m jitscope.ratios results/ratios.json

bench: $(STAMP)  ## measure HEAD quickly and publish the pages
	@$(BIN)/jitscope bench

history: $(STAMP)  ## measure predicted commits and HEAD in rounds (RANGE=v1..main BENCH=phases)
	@$(BIN)/jitscope history $(if $(RANGE),--range '$(RANGE)') $(if $(BENCH),--bench '$(BENCH)')

compare: $(STAMP)  ## compare two measured commits (BASE=HEAD~1 TO=HEAD)
	@$(BIN)/jitscope compare '$(or $(BASE),HEAD~1)' '$(or $(TO),HEAD)'

gate: $(STAMP)  ## fail if a counter regressed (BASE=HEAD~1 TO=HEAD TIMES=1 SUMMARY=file)
	@$(BIN)/jitscope gate --base '$(or $(BASE),HEAD~1)' --head '$(or $(TO),HEAD)' \
	  $(if $(TIMES),--times) $(if $(SUMMARY),--summary '$(SUMMARY)')

export: $(STAMP)  ## write the history as Parquet and CSV to results/export
	@$(BIN)/jitscope export

profile: $(STAMP)  ## where one fit's time goes, to the line (SOLVER=scipy, PROBLEM=linear_100)
	@$(BIN)/jitscope profile $(if $(SOLVER),--solver '$(SOLVER)') $(if $(PROBLEM),--problem '$(PROBLEM)')

html: $(STAMP)  ## publish the pages from the results
	@$(BIN)/jitscope html

serve: $(STAMP)  ## serve the pages on 127.0.0.1 (PORT=8000)
	@$(BIN)/jitscope serve $(if $(PORT),--port '$(PORT)')

clean:  ## remove .venv and everything generated (results and sessions stay)
	rm -rf .venv .venv-newest $(VENV) .asv results/html results/export .pytest_cache .ruff_cache \
	  .hypothesis build solver/*.egg-info profiling/*.egg-info profiling/build
