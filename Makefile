# Needs only make and Python 3.11 or newer. Everything goes into .venv.
PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install install-dev demo test check bench docs clean

install: .venv/installed  ## the library and the command line, in .venv

install-dev: .venv/installed-dev  ## the same, with what tests and checks need

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "prefect-media needs Python 3.11 or newer, found " + sys.version.split()[0] + ". Install one, or say PYTHON=/path/to/python3.11 make install")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --requirement .ci/pip.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[voice,parquet]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --quiet --constraint constraints.txt --group test --group check
	mkdir -p .typecheck && ln -sfn .. .typecheck/prefect_media
	@touch $@

demo: install  ## a small batch with the offline models: four narrated clips, no key, no network
	$(BIN)/prefect-media demo --out demo

test: install-dev  ## the whole test suite
	$(BIN)/python -m pytest -n 2

check: install-dev  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: install-dev  ## every benchmark, as ratios of one run
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv .typecheck build dist *.egg-info
