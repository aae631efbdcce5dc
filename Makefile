# Set-up, demo and checks. `make` alone lists the targets.
# Needs make and Python 3.11 or newer with venv; everything is installed in .venv, nothing need be active.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Modules are compiled once, and not again by each of the many processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
INSTALLED := .venv/.installed
# The first that will do creates .venv; `make PYTHON=/some/python3` puts that one before them.
PYTHONS := $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14
# exits 0 under a Python that can create .venv, or be it
IS_FIT := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PIP_INSTALL := -m pip --disable-pip-version-check install --quiet

DEMO := $(BIN)/duff --lake lake-demo
# Tests run side by side; each worker starts engines of its own, hence the upper bound.
# Those on emulated AWS share one deployment and a second emulator, those on Spark one or two contexts. They wait as long
# as they work, so that two cores are busy with three workers.
WORKERS := $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 3 ? 3 : cores > 4 ? 4 : cores)))
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadgroup

# The order in which `make prove` runs the groups of tests; `make prove SEED=7` repeats one.
SEED := $(shell date +%j)

.PHONY: help venv install install-spark install-aws glue demo sandbox test prove extras fast lint format types docs site screenshots bench bench-api bench-lambda lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## create .venv, where there is none that works
	@$(BIN)/python -c 'import pip; $(IS_FIT)' 2>/dev/null || { \
	    for python in $(PYTHONS) ''; do \
	        "$$python" -c '$(IS_FIT)' 2>/dev/null && break; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "duff-orders needs Python 3.11 or newer with its venv module, and found none among:" >&2; \
	        echo "  $(strip $(PYTHONS))" >&2; \
	        echo "Install one (Debian, Ubuntu: python3.11 and python3.11-venv) or name it:" >&2; \
	        echo "  make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	        exit 1; \
	    fi; \
	    echo "Creating .venv with $$("$$python" --version)"; \
	    "$$python" -m venv --clear .venv; \
	}

# A make of its own: whether the installation is out of date can only be told once .venv has been looked at.
install: venv ## install the package and its tools, where pyproject.toml or the pins changed
	@$(MAKE) --silent --no-print-directory $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Installing duff-orders and its tools into .venv"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[dev,aws]'
	@touch $@

# PySpark is 300 MB: only who needs it waits for it.
$(INSTALLED)-spark: $(INSTALLED)
	@echo "Installing PySpark into .venv"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[spark]'
	@touch $@

# The emulator and the functions' runtime each have an environment of their own: what a function's bundle lacks must
# be missing in the tests, too.
EMULATOR := tests/aws/emulator
# What the functions run on: the Python of their default on AWS where there is one.
FUNCTIONS_PYTHONS := python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python)
build/emulator/.installed: $(EMULATOR)/emulator.txt $(EMULATOR)/simulator.json $(EMULATOR)/runtime.txt $(EMULATOR)/interpreter.txt $(EMULATOR)/checkov.txt
	@echo "Installing the emulator of AWS into build/emulator"
	@$(BIN)/python -m venv --clear build/emulator/aws
	@build/emulator/aws/bin/python $(PIP_INSTALL) -r $(EMULATOR)/emulator.txt
	@for python in $(FUNCTIONS_PYTHONS) $(BIN)/python; do \
	    "$$python" -c 'import venv, ensurepip' 2>/dev/null && break; \
	done; \
	echo "The functions of the tests run on $$("$$python" --version) (on AWS: 3.13)"; \
	"$$python" -m venv --clear build/emulator/runtime
	@build/emulator/runtime/bin/python $(PIP_INSTALL) -r $(EMULATOR)/runtime.txt
	@$(BIN)/python -m venv --clear build/emulator/interpreter
	@build/emulator/interpreter/bin/python $(PIP_INSTALL) -r $(EMULATOR)/interpreter.txt
	@$(BIN)/python -m venv --clear build/emulator/checkov
	@build/emulator/checkov/bin/python $(PIP_INSTALL) -r $(EMULATOR)/checkov.txt
	@# The simulator of policies is a package of node; without it, its tests are skipped.
	@mkdir -p build/emulator/simulator && cp $(EMULATOR)/simulator.json build/emulator/simulator/package.json
	@! command -v npm >/dev/null || npm install --prefix build/emulator/simulator --no-package-lock --no-audit --no-fund --silent --fetch-retries=1 --fetch-timeout=30000 \
	    || echo "The simulator of policies cannot be had: its tests are skipped"
	@touch $@

install-aws: install ## install the emulated AWS that the tests run on, too
	@$(MAKE) --silent --no-print-directory build/emulator/.installed

install-spark: install ## install the engine spark, too
	@$(MAKE) --silent --no-print-directory $(INSTALLED)-spark

glue: install ## write the Glue jobs' scripts and library into dist/
	@$(BIN)/python -m duff_orders.aws.package dist

demo: install ## run the pipeline on samples/ and ask the star schema three questions
	@rm -rf lake-demo
	@echo "== The files, in the order in which they arrive"
	@# One sample is invalid on purpose, for which `duff run` promises exit status 1. Anything else is a failure.
	@status=0; $(DEMO) run samples/*.csv || status=$$?; \
	if [ $$status -eq 1 ]; then \
	    echo "(exit status 1, as it must be: 05-missing-column.csv is invalid on purpose)"; \
	else \
	    echo "duff run ended with exit status $$status; with an invalid file it must be 1" >&2; exit 1; \
	fi
	@echo; echo "== Sales by channel"
	@$(DEMO) query --report sales_by_channel
	@echo; echo "== Orders by status"
	@$(DEMO) query --report status_summary
	@echo; echo "== Top products"
	@$(DEMO) query --report sales_by_product
	@echo; echo "The lake is in ./lake-demo. Ask it more: $(DEMO) query 'select * from tbl_duff_files'"
	@echo "In a browser, to see what was rejected, correct it and drop it again: $(DEMO) serve"

sandbox: install-spark install-aws ## run all of AWS on this machine, without an account, until stopped
	@$(BIN)/python -m tests.aws.sandbox

test: install-spark install-aws lint types ## the gate: format, lint, types, and a part of each proof
	$(PYTEST)

prove: install-spark install-aws lint types ## every proof as a whole, in an order of its own; then with one worker, and four
	$(PYTEST) --prove --groups-shuffled $(SEED)
	$(BIN)/pytest -n 0
	$(BIN)/pytest -n 4 --dist loadgroup

extras: install ## the package as users get it: each extra alone, the sdist's tests, the fast tests on every Python
	@$(BIN)/python -m tests.matrix $(JOBS)

fast: install ## the fast tests alone, for while you write
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not (slow or faults or property or spark or aws or browser)"

lint: install ## check format and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: install ## rewrite the code in the project's format, and mend what can be mended safely
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install ## check the types
	$(BIN)/mypy

docs: install ## write anew what is made from the code: pages, templates' tables
	$(BIN)/python -m tests.test_docs

site: install ## build the documentation site into build/site, and check its links
	$(BIN)/zensical build --strict

$(INSTALLED)-bench: $(INSTALLED)
	@echo "Installing what the benchmarks compare with into .venv"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[bench]'
	@touch $@

screenshots: install ## take pictures of the console's pages for docs/ (needs Chromium)
	@$(BIN)/python -m tests.browser.screenshots

bench: install-spark ## measure the pipeline beside other tools (docs/benchmarks.md)
	@$(MAKE) --silent --no-print-directory $(INSTALLED)-bench
	$(BIN)/python -m benchmarks

build/bench/.installed: benchmarks/peers/awswrangler.txt
	@echo "Installing awswrangler into build/bench"
	@$(BIN)/python -m venv --clear build/bench/awswrangler
	@build/bench/awswrangler/bin/python $(PIP_INSTALL) -r benchmarks/peers/awswrangler.txt
	@touch $@

build/bench/api/.installed: benchmarks/peers/api.txt
	@echo "Installing Datasette and roapi into build/bench"
	@$(BIN)/python -m venv --clear build/bench/api
	@build/bench/api/bin/python $(PIP_INSTALL) -r benchmarks/peers/api.txt
	@touch $@

bench-api: install ## measure `duff serve` beside Datasette and roapi, on 10 million order lines
	@$(MAKE) --silent --no-print-directory build/bench/api/.installed
	$(BIN)/python -m benchmarks.api

bench-lambda: install-aws ## measure the function Transform-data beside one with awswrangler
	@$(MAKE) --silent --no-print-directory build/bench/.installed
	$(BIN)/python -m benchmarks.functions

lock: venv ## write constraints.txt anew from the ranges in pyproject.toml (with Python 3.11)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo "The pins must suit the oldest Python supported: run \`make clean\`, then" >&2; \
	    echo "  make PYTHON=/path/to/python3.11 lock" >&2; \
	    exit 1; \
	}
	@rm -rf build/lock
	@$(BIN)/python -m venv build/lock
	@build/lock/bin/python $(PIP_INSTALL) -e '.[dev,aws,bench,spark]'
	@{ sed -n '/^#/p' constraints.txt; build/lock/bin/python -m pip freeze --all --exclude pip --exclude-editable; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt
	@rm -rf build/lock

clean: ## remove everything that make made
	rm -rf .venv lake-demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
