# `make demo` and `make test` are the two promises: they need Python 3.11+, pip and make, nothing else.
# PYTHON names another interpreter, MEDIA a folder for the demo, VENV another place for the virtual environment.

PYTHON ?= python3
VENV ?= .venv
MEDIA ?=
TEST_WORKERS ?= 2

BIN := $(VENV)/bin
SOURCES := telecine media_assets sensors resources bench tests
REQUIREMENTS := pyproject.toml constraints.txt
# Installs a list of extras; pip's chatter goes to a file and is shown when it failed.
install = $(BIN)/python -m pip install --constraint constraints.txt --editable '.[$(1)]' >$(VENV)/install.log 2>&1 || \
  { tail -n 40 $(VENV)/install.log >&2; echo "the installation failed; all of it: $(VENV)/install.log" >&2; exit 1; }

# PIP_USER or a shell's PYTHONPATH must not leak into the environment.
unexport PYTHONPATH PIP_USER
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo up down status clean distclean test lint format bench chaos

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Telecine needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  echo "this Python has no venv module with pip; using virtualenv"; rm -rf $(VENV) && \
	  $(PYTHON) -m pip install --quiet --target $(VENV)-bootstrap virtualenv && \
	  PYTHONPATH=$(VENV)-bootstrap $(PYTHON) -m virtualenv --quiet $(VENV); }
	@rm -rf $(VENV)-bootstrap

$(VENV)/.installed: $(REQUIREMENTS) | $(BIN)/pip
	@echo "installing Telecine (a few minutes the first time)"
	@$(call install,local)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need"
	@$(call install,$(strip local,dev))
	@touch $@

demo: $(VENV)/.installed ## start everything, process some media, show what was made (MEDIA=folder for your own)
	@$(BIN)/telecine demo $(if $(MEDIA),"$(MEDIA)")

up: $(VENV)/.installed ## start the local stack: object store, database, Dagster UI
	@$(BIN)/telecine up

down: ## stop the local stack; its data stays
	@if [ -x $(BIN)/telecine ]; then $(BIN)/telecine down; fi

status: $(VENV)/.installed ## what runs, and where
	@$(BIN)/telecine status

clean: ## stop the local stack and forget its data
	@if [ -x $(BIN)/telecine ]; then $(BIN)/telecine clean --yes; fi

distclean: clean ## also remove the virtual environment and caches
	rm -rf $(VENV) *.egg-info build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +

lint: $(VENV)/.installed-dev ## formatting, style, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## put the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Journeys have the machine to themselves; of the others two files run side by side, each worker with its own stack.
test: $(VENV)/.installed-dev ## lint, then every test: e2e, integration, unit (TEST_WORKERS=0 for one after the other)
	@bad=0; $(MAKE) --no-print-directory lint || bad=1; $(BIN)/python -m pytest tests/e2e || bad=1; \
	  $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder tests/integration tests/unit || \
	  bad=1; exit $$bad

bench: $(VENV)/.installed-dev ## benchmarks in their short form, each against something a user would pick instead
	@for script in $$(grep -l '^if __name__' bench/*.py); do echo "== $$script"; $(BIN)/python $$script --smoke || exit 1; done

CHAOS := tests/e2e/test_crashes.py tests/e2e/test_players.py tests/e2e/test_chaos.py tests/e2e/test_killer_file.py \
  tests/e2e/test_priorities.py tests/integration/local/test_stack_survives.py tests/integration/local/test_lanes.py \
  tests/integration/ledger/test_state_machine.py tests/integration/webhooks/test_webhook_crashes.py

chaos: $(VENV)/.installed-dev ## the crash tests in their long form, about 20 minutes (TELECINE_CHAOS_SEED repeats one)
	TELECINE_LONG_TESTS=1 $(BIN)/python -m pytest -s $(CHAOS)
