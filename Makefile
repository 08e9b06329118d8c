# Needs only make and Python 3.11 or newer. Everything goes into .venv.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Many processes are started from here, which shall not each compile what they import.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install install-dev demo test check proof bench clean

install: .venv/installed  ## the library and the command line, in .venv

install-dev: .venv/installed-dev  ## the same, with what tests and checks need

.venv/pip: .ci/pip.txt
	@test -n "$(PYTHON)" || { echo "prefect-media needs Python 3.11 or newer with venv. Install one, or say: make PYTHON=/path/to/python3.11 install" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --requirement .ci/pip.txt
	@touch $@

.venv/installed: pyproject.toml constraints.txt .venv/pip
	$(PIP) install -qq --constraint constraints.txt --editable '.[voice,parquet]'
	@touch $@

# All at once, and compiled when it is used: most of it never is.
.venv/installed-dev: pyproject.toml constraints.txt .venv/pip
	$(PIP) install -qq --no-compile --constraint constraints.txt --editable '.[voice,parquet]' --group test --group check
	mkdir -p .typecheck && ln -sfn .. .typecheck/prefect_media
	@touch .venv/installed $@

demo: install  ## a small batch with the offline models: four narrated clips, no key, no network
	$(BIN)/prefect-media demo --out demo

test: install-dev  ## the whole test suite
	$(BIN)/python -m pytest -n 2

check: install-dev  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

proof: install-dev  ## kill the client at every moment and 200 random times; writes docs/proof.md
	$(BIN)/python -m tests.proof.harness --random 200 --write docs/proof.md

bench: install-dev  ## every benchmark, as ratios of one run
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv .typecheck build dist *.egg-info
