PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PACKAGES := pipeline cluster stages model schemas
PROCESSES ?= 2
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test check lint bench clean

help:
	@echo "make demo    set up, build a dataset from demo/recordings, train on it, decode a clip (demo-out/)"
	@echo "make test    set up and run the tests"
	@echo "make check   format, lint, types, import rules, tests"
	@echo "make bench   speed and memory figures"
	@echo "make clean   remove .venv and demo-out"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: run make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	@DUPLEXSET=$(BIN)/duplexset bash demo/run.sh

test: $(READY)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(addprefix -p ,$(PACKAGES))
	$(BIN)/lint-imports

check: lint test

bench: $(READY)
	$(BIN)/python -m pipeline.bench

clean:
	rm -rf .venv demo-out
