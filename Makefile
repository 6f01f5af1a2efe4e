# make run, make test: all a newcomer needs. They ask for Python 3.11, make, git and a package index.

PORT ?= 8501
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -q --disable-pip-version-check

# The suite on as many cores as there are, four at most; one process with a debugger: make test WORKERS= ARGS=--pdb
WORKERS ?= -n logical --maxprocesses 4 --dist worksteal

.PHONY: help run test lint bench waits pictures zoo soak fuzz chaos manifest wheel cleanroom docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## the dashboard on http://localhost:8501 (another port: make run PORT=8600)
	@echo "RESQ Lab: http://localhost:$(PORT)"
	@exec $(PY) -m dashboard --server.port $(PORT)

test: $(VENV)/.test ## the whole suite, as the build machine runs it (some of it: make test ARGS="-k faults")
	@$(PY) -m pytest $(WORKERS) $(ARGS)

lint: $(VENV)/.test ## style, form, types and who may import whom
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

bench: $(VENV)/.bench ## speed, side by side with other libraries (a part: make bench ARGS="--only pgd --quick")
	@$(PY) -m benchmarks $(ARGS)

waits: $(VENV)/.test ## what a visitor waits for, in a real browser (a part: make waits ARGS="--only flip slider")
	@$(PY) -m benchmarks.pages $(ARGS)

pictures: $(VENV)/.test ## every page in light, dark and presenter mode, into assets/screenshots
	@$(PY) -m benchmarks.screenshots $(ARGS)
	@$(PY) -m resq verify --write

soak: $(VENV)/.test ## thirty sessions at once on a real server, each compared with itself alone (SECONDS=300)
	@$(PY) -m stress soak --seconds $(or $(SECONDS),300) $(ARGS)

chaos: $(VENV)/.test ## a hundred faults: killed processes, full disks, damaged stores, half files (FAULTS=100)
	@$(PY) -W ignore -m stress chaos --faults $(or $(FAULTS),100) $(ARGS)

fuzz: $(VENV)/.test ## 10,000 hostile files, names and links: no crash, no code run, nothing touched (INPUTS=10000)
	@$(PY) -W ignore -m stress fuzz --inputs $(or $(INPUTS),10000) $(ARGS)

zoo: $(VENV)/.run ## train what is not trained yet (a part: make zoo ARGS="--only gtsrb --budget 150m")
	@$(PY) -m resq train --all $(ARGS)

manifest: $(VENV)/.run ## the hashes of all shipped files, after one was added or changed
	@$(PY) -m resq verify --write

wheel: $(VENV)/.run ## the package, into work/dist
	@$(PIP) wheel --no-deps -w work/dist .

cleanroom: $(VENV)/.test ## the package in an empty environment, its libraries from the index: pages, a sweep, the façade
	@RESQ_CLEAN_ROOM=whole $(PY) -m pytest tests/package $(ARGS)

docs: $(VENV)/.docs ## the library's site into work/site, its notebooks run
	@PYTHONPATH=$(CURDIR) PLOTLY_RENDERER=notebook NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build -q

# Installing runs only when a stamp is missing or older than the requirements it stands for.
$(VENV)/.run: requirements.txt | $(VENV)/.made
	@echo "Installing what requirements.txt pins into $(VENV): a few minutes the first time, torch is large"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.test: requirements-dev.txt requirements.txt | $(VENV)/.made
	@echo "Installing what requirements-dev.txt pins into $(VENV): a few minutes the first time, torch is large"
	@$(PIP) -r requirements-dev.txt
	@touch $(VENV)/.run $@

$(VENV)/.docs: requirements-docs.txt requirements.txt | $(VENV)/.made
	@echo "Installing what requirements-docs.txt pins into $(VENV)"
	@$(PIP) -r requirements-docs.txt
	@touch $(VENV)/.run $@

$(VENV)/.bench: requirements-bench.txt requirements-dev.txt requirements.txt | $(VENV)/.made
	@echo "Installing what requirements-bench.txt pins into $(VENV)"
	@$(PIP) -r requirements-bench.txt
	@touch $(VENV)/.run $(VENV)/.test $@

# A stamp of its own: half a venv, left by an interrupted run, is made anew.
$(VENV)/.made:
	@ok='import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))'; \
	if ! { $(PY) -c "$$ok" && $(PY) -m pip --version; } >/dev/null 2>&1; then \
		for python in $(PYTHON) python3.11 python3 python; do \
			if $$python -c "$$ok" 2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "RESQ Lab needs Python 3.11 with venv and found none; install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		$$found -m venv --clear $(VENV); \
	fi
	@touch $@
