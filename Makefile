# Everything here needs only Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
# Interpreters that have PyMC-Marketing with nutpie, or clvkit, for make bench.
PEER ?=

.PHONY: demo test test-slow lint notebooks check-notebooks example docs bench lock clean

demo: $(VENV)/.installed
	@$(BIN)/clvmodels demo --out reports/cdnow; status=$$?; \
	if [ $$status -ne 0 ] && [ $$status -ne 4 ]; then exit $$status; fi

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 $(TESTS)

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 -m slow $(TESTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks: $(VENV)/.installed-dev
	$(BIN)/python -m notebooks.execute

check-notebooks: $(VENV)/.installed-dev
	$(BIN)/python -m notebooks.execute --check

example: $(VENV)/.installed-dev
	$(BIN)/python -m reports.example.build

docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs . build/docs

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks $(PEER)

# Hashes and versions only; no index address enters the lock files.
lock:
	printf 'hatchling\neditables\n' | uv pip compile - pyproject.toml --extra pdf --universal \
	    --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet \
	    -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --quiet pyproject.toml --group dev --extra notebooks \
	    --extra pdf --extra spark --extra docs --extra bench --constraint requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# hatchling builds the package; it is in the lock like everything else that is installed.
$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
