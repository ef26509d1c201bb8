# emotiond's two commands are `make demo` and `make test`; each sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# MediaPipe's networks are no part of emotiond; without them their tests are skipped.
FETCH = $(VENV)/bin/emotiond models fetch blazeface || \
	echo "blazeface cannot be fetched now; its tests are skipped" >&2

.PHONY: demo test lint types check clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo  ## run the daemon on the built-in clip, with a built-in broker
	$(VENV)/bin/emotiond demo

test: $(VENV)/.dev  ## run every test
	@$(FETCH)
	$(VENV)/bin/python -m pytest $(TESTS)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev
	$(VENV)/bin/mypy

check: lint types test  ## everything CI runs

clean:
	rm -rf $(VENV)

# Debian's python3 comes without venv; where that can be mended here, it is.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "emotiond needs Python 3.11 or newer; make PYTHON=python3.x")'
	@$(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); \
		else \
			echo "Python's venv is missing; try: sudo apt install python3-venv" >&2; exit 1; \
		fi; }

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[broker]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo
