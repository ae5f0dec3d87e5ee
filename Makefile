# `make demo` and `make test` set up all they need in .venv; nothing else of the machine is touched.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
RUN_READY := .venv/.run-$(shell cksum < requirements.lock | cut -d' ' -f1)
DEV_READY := .venv/.dev-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help demo demo-history test matrix soak fuzz mutants bench lint format docs dashboards golden pictures chart lock wheel check-tools clean

demo: $(RUN_READY)  ## the exporter at work against a simulated Braze
	$(BIN)/python -m exporter demo

demo-history: $(RUN_READY)  ## the same with a Prometheus that has 100 days of history (needs prometheus and promtool)
	PYTHON=$(BIN)/python prometheus/example/with-history

help:  ## what can be made
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/\1\t\2/p' Makefile | expand -t 14

test: $(DEV_READY)  ## all tests, a quarter to half an hour; some: make test TESTS=tests/test_poll.py
	$(BIN)/python -m pytest $(TESTS)

matrix: $(DEV_READY)  ## every fault at every moment of an exporter's life, into docs/reliability.md; takes long
	$(BIN)/python -m tests.matrix

soak: $(DEV_READY)  ## load for long, as Markdown; takes long; a part: make soak SOAK="--only scrapes --scrapes 10000"
	$(BIN)/python -m tests.soak $(SOAK)

fuzz: $(DEV_READY)  ## every property with ten times as many inputs, or TIMES=100; docs/reliability.md
	$(BIN)/python -m tests.fuzz --times $(or $(TIMES),10)

mutants: $(DEV_READY)  ## small changes of the pure modules: which do their tests find? docs/reliability.md
	$(PIP) mutmut==3.8.1
	FUZZ_TIMES=0.1 $(BIN)/python -m mutmut run
	$(BIN)/python -m mutmut results

bench: $(DEV_READY)  ## scrapes and polls measured beside others, as Markdown; docs/performance.md
	$(BIN)/python -m bench.scrape
	$(BIN)/python -m bench.polling --slow
	$(BIN)/python -m bench.flat

lint: $(DEV_READY)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(DEV_READY)  ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DEV_READY)  ## write the generated tables anew
	$(BIN)/python -m tests.tables

dashboards: $(DEV_READY)  ## write Grafana's dashboards anew from grafana/*.py
	$(BIN)/python -m grafana

golden: $(DEV_READY)  ## write the golden page anew; its diff is the change of contract
	$(BIN)/python -m tests.golden

pictures: check-tools  ## take the pictures of the status page anew, in Debian's Chromium
	$(BIN)/python -m tests.pictures

chart: $(DEV_READY)  ## write the chart's copies of rules and dashboards, its schema and its table anew
	$(BIN)/python -m tests.chartfiles

wheel: $(DEV_READY)  ## the package, in dist/
	$(BIN)/python -m hatchling build -t wheel

check-tools: $(DEV_READY)  ## what the full checks of chart, image, dashboards and pages need, 500 MB
	$(PIP) --require-hashes --requirement requirements-check.lock

lock: $(DEV_READY)  ## resolve the dependencies anew
	$(PIP) uv
	for extra in "requirements.lock" "requirements-dev.lock --group dev" \
			"requirements-check.lock --group check"; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header --no-annotate --no-emit-index-url pyproject.toml --upgrade -o $$extra; done

clean:  ## take away .venv and dist
	rm -rf .venv dist

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(RUN_READY): | .venv/bin/python
	$(PIP) --require-hashes --requirement requirements.lock
	touch $@

$(DEV_READY): | .venv/bin/python
	$(PIP) --require-hashes --requirement requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@
