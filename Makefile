# Everything a contributor runs. Needs make and Python 3.11 or newer with venv; all else is put into .venv.

SHELL = /bin/sh
PYTHON = .venv/bin/python
MINUTES = 30
WHAT =
READY = .venv/.ready

.PHONY: help demo test lint bench soak console clean

help:
	@echo 'make demo     see the queue at work, from enqueue to dead letter'
	@echo 'make test     lint, then every test'
	@echo 'make lint     format, rules, types, direction of imports, file lengths'
	@echo 'make bench    the benchmarks, beside what else one might use (8 minutes; WHAT=all: more)'
	@echo 'make soak     a storm of kills over 100,000 jobs (MINUTES=30)'
	@echo 'make console  the console on a queue made up for the occasion'
	@echo 'make clean    remove caches and build products; .venv stays'

demo: $(READY)
	$(PYTHON) tests/demo/run.py

# Six at a time on any machine: tests mostly wait, for processes, terminals and timers. Each of the six begins at
# another place of the whole, so that those that wait run beside those that reckon, and takes over from others in the
# end. A thousand processes are started, and what they compile is kept, whatever the surroundings say of that.
test: lint
	PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest -n 6 --dist worksteal

lint: $(READY)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	$(PYTHON) -m mypy --strict
	.venv/bin/lint-imports
	$(PYTHON) tests/architecture/file_lengths.py

bench: $(READY)
	$(PYTHON) -m tests.benchmarks --peers $(WHAT)

soak: $(READY)
	$(PYTHON) -m tests.crash.soak --minutes $(MINUTES)

console: $(READY)
	.venv/bin/queuectl-tui --demo

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find queuectl_core queuectl_tui tests -type d -name __pycache__ -prune -exec rm -rf {} +

# A .venv that works is kept. One that does not (half made, its Python gone) is made anew by the
# first interpreter that is new enough and can make one: some distributions ship Python without venv.
$(READY): pyproject.toml
	@set -e; \
	new_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(PYTHON) -c "import pip; $$new_enough" 2>/dev/null; then \
	    found=; \
	    for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	        if $$python -c "import ensurepip, venv; $$new_enough" 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo 'make: no Python 3.11 or newer with venv: install one (Debian: python3 and python3-venv)' >&2; \
	        exit 1; \
	    fi; \
	    $$found -m venv --clear .venv; \
	fi; \
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'; \
	touch $@
