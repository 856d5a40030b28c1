# make book | lab | test | lint | wheel | bench | clean: each makes its environment first, once.
PROFILE ?= laptop
BIN := .venv/bin
# the first of these that is new enough: the machine's own python3, or a newer one beside it
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help env book lab test lint wheel bench clean clean-store

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' Makefile

env: .venv/made  ## make .venv with everything in it (done once)

.venv/made: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one, or say PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) tools/environment.py dev && touch $@

book: env  ## run every page and publish the book: PROFILE=smoke|laptop|paper, FRESH=1 computes everything here
	@$(BIN)/tlfourier book --profile $(PROFILE) $(if $(filter-out 0,$(FRESH)),--fresh)

lab: env  ## open the pages in JupyterLab
	@PATH="$(CURDIR)/$(BIN):$$PATH" JUPYTER_PATH="$(CURDIR)/.venv/share/jupyter:$$JUPYTER_PATH" jupyter lab book

test: env  ## run all tests, on every core
	@$(BIN)/python -m pytest -n logical --maxprocesses 8

lint: env  ## style, types, the direction of imports, notebooks without outputs
	@PATH="$(CURDIR)/$(BIN):$$PATH" pre-commit run --all-files

wheel: env  ## build sdist and wheel, and try the wheel in an empty environment
	@$(BIN)/python -m tools.try_wheel

bench: env  ## solver, training, sweeps and growth against peers and the hardware: one table, and as data
	@$(PYTHON) tools/environment.py dev peers recipe && $(BIN)/python -m benchmarks

clean:  ## delete build/ (pages and books; every result in data/store stays)
	rm -rf build

clean-store:  ## delete data/store: every result that was computed here is lost
	rm -rf data/store
