# Needs make and Python 3.11 or newer, nothing else: where Node.js is missing or old, a wheel brings it. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DASHBOARD := api/dashboard/.built
# Folders too: their times tell when a file is gone.
DASHBOARD_SOURCES := $(shell find web -mindepth 1 -name node_modules -prune -o -name .generated -prune -o ! -name schema.d.ts -print) \
    $(shell find api events -name '*.py') scripts/web.py scripts/openapi.py
FUZZ_SECONDS ?= 60
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup up web web-dev test test-thorough lint format screenshots bench bench-compare bench-read bench-scale loadtest soak chaos fuzz lock

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Options of a command go into ARGS, as in: make up ARGS='--port 9000'"

setup: $(STAMP) ## Prepare .venv, without starting anything (PYTHON=python3.12 chooses the interpreter).
	@:

up: $(STAMP) ## Start the whole stack in the foreground, with the dashboard; Ctrl-C ends it.
	@$(MAKE) --no-print-directory web || echo "the dashboard could not be built, as told above; starting without a new one" >&2
	@$(BIN)/agentguide up $(ARGS)

web: $(DASHBOARD) ## Build the dashboard; a server that runs shows it when it is started again.
	@:

web-dev: $(STAMP) ## Serve the dashboard while you work on it, before a running stack (AGENTGUIDE_URL=http://127.0.0.1:8000).
	@$(BIN)/python scripts/web.py dev $(ARGS)

test: $(STAMP) $(DASHBOARD) ## Run all tests against real servers that they start themselves (with ARGS: those of pytest that it names).
	@$(if $(ARGS),,$(BIN)/python scripts/web.py test)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(if $(ARGS),,-m "not thorough") $(ARGS)

test-thorough: $(STAMP) $(DASHBOARD) ## Run the tests that `make test` leaves out, as it has to be quick: most of the dashboard's pages, and a benchmark.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile -m thorough $(ARGS)

lint: $(STAMP) ## Check style, format, types and the direction of imports.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/web.py check

format: $(STAMP) ## Format the code, and mend what can be mended by a program.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/python scripts/web.py format

screenshots: $(STAMP) $(DASHBOARD) ## Take the pictures of docs/images/ anew, of a fresh stack with made-up runs.
	@$(BIN)/python -m scripts.screenshots $(ARGS)

bench: $(STAMP) ## Measure this machine on a fresh stack; keeps the figures in bench/results/.
	@$(BIN)/python -m loadtest.bench $(ARGS)

bench-compare: $(STAMP) ## Show what the newest figures changed, against the last ones of another commit (ARGS=--history: all of them).
	@$(BIN)/python -m loadtest.compare $(ARGS)

bench-read: $(STAMP) ## Measure reading in a database of ten million steps, and in one of a hundredth (ARGS='--scale 0.1').
	@$(BIN)/python -m loadtest.read_bench $(ARGS)

loadtest: $(STAMP) ## Load a fresh stack with Locust, until it refuses, and check that nothing is lost (ARGS=--quick: briefly).
	@$(BIN)/python -m loadtest.load_run $(ARGS)

soak: $(STAMP) ## Load a fresh stack steadily for ten minutes and tell what does not stay flat (ARGS='--seconds 3600').
	@$(BIN)/python -m loadtest.soak $(ARGS)

bench-scale: $(STAMP) ## Measure 1, 2 and 4 workers with 1 and 2 API processes, and what is used up first (ARGS='--workers 1,8').
	@$(BIN)/python -m loadtest.scaling $(ARGS)

chaos: $(STAMP) ## Break a fresh stack in every way, under load, and count what is lost (ARGS=--quick: each kind of fault, briefly).
	@$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(STAMP) ## Fuzz what reads the bytes of clients, FUZZ_SECONDS=60 each (ARGS='--only otlp-json').
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

lock: $(STAMP) ## Write both requirements.lock anew from pyproject.toml (ARGS=--upgrade takes the newest versions).
	@$(PIP) install uv
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url -o requirements.lock $(ARGS)
	@$(BIN)/uv pip compile --group node --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url -o web/requirements.lock $(ARGS)

$(DASHBOARD): $(STAMP) $(DASHBOARD_SOURCES)
	@$(BIN)/python scripts/web.py build

# The Makefile itself is the lock, so that two makes at once on a fresh clone do not set up the same place: the shell holds
# descriptor 9, and with it the lock, until the recipe ends. Whoever waited for it finds the stamp and has nothing to do.
$(STAMP): requirements.lock pyproject.toml
	@set -e; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "AgentGuide needs Python 3.11 or newer, which \`$(PYTHON)\` is not: name another, as in make PYTHON=python3.12 setup" >&2; exit 1; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "\`$(PYTHON)\` cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }; \
	exec 9<Makefile; $(PYTHON) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; \
	if [ $@ -nt requirements.lock ] && [ $@ -nt pyproject.toml ]; then exit 0; fi; \
	echo "setting up $(VENV)"; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV); \
	$(PIP) install --require-hashes --requirement requirements.lock; \
	$(PIP) install --no-deps --editable .; \
	touch $@
