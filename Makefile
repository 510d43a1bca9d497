# The commands of the course. Each one sets up what it needs; `make` alone lists them.
VENV ?= .venv
BENCH_VENV ?= .venv-bench
PYTHON ?=
PORT ?=
HW ?=
ONLY ?=
LAB_ARGS ?=
export PYTHON

DLKIT = "$(VENV)/bin/python" -m dlkit

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: setup  ## open the course in JupyterLab (PORT=8899 for another port)
	@$(DLKIT) lab $(if $(PORT),--port "$(PORT)") $(if $(LAB_ARGS),-- $(LAB_ARGS))

test: setup sandbox  ## run every check of the course
	@tools/check "$(VENV)"

grade: setup sandbox  ## grade the sample class (HW=hw2 for one assignment)
	@$(DLKIT) grade --sample-class $(HW)

assignments: setup sandbox  ## make the students' versions anew, and measure the tests (HW=hw2 for one)
	@$(DLKIT) release $(HW)
	@$(DLKIT) measure $(HW)

notebooks: setup  ## execute the notebooks in place and bring them into normal form
	@$(DLKIT) notebooks run

bench: sandbox  ## time dlkit beside its peers, in .venv-bench (ONLY="small mlp" for some tables)
	@tools/setup "$(BENCH_VENV)" bench course
	@"$(BENCH_VENV)/bin/python" -m benchmarks $(ONLY)

format: setup  ## format the code, notebooks too
	@"$(VENV)/bin/ruff" check --fix-only --quiet .
	@"$(VENV)/bin/ruff" format .

setup:  ## set up .venv only (VENV=folder, PYTHON=python3.12)
	@tools/setup "$(VENV)" course dev

sandbox:  ## install bubblewrap, which grading needs, where that is permitted
	@tools/sandbox

clean:  ## remove caches; students' work, marks and .venv stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache build dlkit.egg-info
	find dlkit tests lectures solutions \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.PHONY: help lab test grade assignments notebooks bench format setup sandbox clean
