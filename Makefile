# One place for the everyday commands. Needs make and Python 3.11 to 3.14, nothing else; everything lands in .venv.
# Another interpreter: make PYTHON=python3.12 test

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Whole files to a worker, so that none prepares what another has prepared, and those with slow tests first (conftest);
# three workers even on two cores, as tests wait for processes, servers and locks about as much as they compute.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# The first interpreter that is new enough; python3 when there is none, so that the check below can say what is wrong.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c "$(FITS)" 2>/dev/null && echo "$$p" && exit; done; echo python3)

.DEFAULT_GOAL := help
.PHONY: help demo serve test quick lint install clean

help: ## What there is
	@echo "make TARGET [PYTHON=python3.12]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

demo: $(STAMP) ## The whole pipeline on an offline platform: no network, no GPU, no keys
	@$(BIN)/apex demo

serve: $(STAMP) ## Prefect's user interface with a worker and the offline platform, until Ctrl-C
	@$(BIN)/apex serve

test: lint ## Lint and all tests, the slow ones too
	$(PYTEST)

quick: $(STAMP) ## The tests that take seconds
	$(PYTEST) -m 'not slow'

lint: $(STAMP) ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

install: $(STAMP) ## Only set .venv up

clean: ## Remove .venv and caches; the catalog in .apex stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c "" 2>/dev/null || { echo "error: there is no Python called '$(PYTHON)'." >&2; \
		echo "  -> apt install python3 python3-venv, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c "$(FITS)" || { echo "error: '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1); 3.11 to 3.14 is needed." >&2; \
		echo "  -> apt install python3.12 python3.12-venv, then: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c "import ensurepip, venv" 2>/dev/null || { \
		name=$$("$(PYTHON)" -c "import sys; print('python%d.%d-venv' % sys.version_info[:2])"); \
		echo "error: '$(PYTHON)' comes without the modules that make an environment (venv, ensurepip)." >&2; \
		echo "  -> apt install $$name   (or python3-venv)" >&2; exit 1; }
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "Installing into $(VENV): once, some minutes, about 7 GB (PyTorch)."
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
