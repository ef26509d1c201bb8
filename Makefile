# emotiond's two commands are `make demo` and `make test`; each sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# MediaPipe's networks are no part of emotiond; without them their tests are skipped.
FETCH = $(VENV)/bin/emotiond models fetch blazeface || \
	echo "blazeface cannot be fetched now; its tests are skipped" >&2

# Home Assistant wants environments of its own, one a release, and this Python or 3.14.
HASS_PYTHON ?= python3.13
HASS_VENV ?= .venv-homeassistant

# A whole Debian is booted to try the service on: in a virtual machine, or, with MACHINE=light, in a
# container, which is quick and has no camera drivers. SUITE=trixie is Debian 13.
MACHINE ?= qemu
SUITE ?= bookworm

# Raspberry Pis are emulated by a program beside the project; ARM64_BENCH names it elsewhere.
BOARDS ?= pi4 pi5

# What is compared at each change: coarse, and done in half a minute. There is a baseline for each kind
# of CPU, by what int8 gains on it.
BASELINE ?= .ci/baseline.json
GATE = shallow-int8 --quick --detector builtin

# Tests are spread file by file. Most wait for something, so two cores take three processes; more
# want much memory, for those that train.
SPREAD ?= -n 3 --dist loadfile

.PHONY: demo test test-leaks test-homeassistant test-system test-packaging test-arm64 release bench-arm64 bench-gate bench-baseline lint types check audit-dependencies clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo  ## run the daemon on the built-in clip, with a built-in broker
	$(VENV)/bin/emotiond demo

test: $(VENV)/.dev  ## run every test
	@$(FETCH)
	$(VENV)/bin/python -m pytest $(SPREAD) $(TESTS)

test-leaks: $(VENV)/.dev  ## record every byte that ten minutes of faces write and send
	LEAK_SECONDS=600 $(VENV)/bin/python -m pytest tests/faults/test_leaks.py

test-homeassistant:  ## run the tests with real Home Assistants
	@releases="$$($(HASS_PYTHON) tests/homeassistant/releases.py 2>&-)"; \
	if [ -z "$$releases" ]; then \
		echo "skipped: Home Assistant is tested on Python 3.13 and 3.14, and $(HASS_PYTHON) is neither" >&2; \
	fi; \
	set -e; for release in $$releases; do \
		$(MAKE) -s $(VENV)/.dev $(HASS_VENV)/$$release/.hass; \
		HASS_VENV=$(HASS_VENV)/$$release $(VENV)/bin/python -m pytest tests/homeassistant; \
	done

test-system: $(VENV)/.dev  ## run the tests on a booted system, as root
	SYSTEM_MACHINE=$(MACHINE) SYSTEM_SUITE=$(SUITE) $(VENV)/bin/python -m pytest tests/system

test-packaging: $(VENV)/.dev  ## build packages and images and try them, as root: an hour
	$(VENV)/bin/python packaging/deb/build --out dist
	$(VENV)/bin/python packaging/deb/build --out dist --suite trixie
	$(VENV)/bin/python packaging/deb/build --out dist --suite trixie --architecture arm64
	$(VENV)/bin/python packaging/homeassistant/build --out dist
	$(VENV)/bin/python packaging/oci/build --out dist
	$(VENV)/bin/python packaging/oci/build --out dist --architecture arm64
	$(VENV)/bin/python packaging/oci/build --out dist/again
	PACKAGES=dist $(VENV)/bin/python -m pytest -s tests/packaging
	PACKAGES=dist DEBIAN=13 $(VENV)/bin/python -m pytest -s tests/packaging/test_debian.py tests/packaging/test_docs.py

release: $(VENV)/.dev  ## build all that is published, as root: make release VERSION=0.2.0 [DRY_RUN=1]
	$(VENV)/bin/python packaging/release $(if $(DRY_RUN),--dry-run) $(VERSION)

test-arm64: $(VENV)/.dev  ## run the wheel on emulated Raspberry Pis, as root: the same answers?
	ARM64_BOARDS="$(BOARDS)" $(VENV)/bin/python -m pytest tests/arm64

bench-arm64: $(VENV)/.dev  ## count instructions on emulated Raspberry Pis for docs/research/raspberry-pi.md
	$(VENV)/bin/python -m tests.arm64

bench-gate: $(VENV)/.dev  ## fail where anything costs far more than it did, beside a reference
	$(VENV)/bin/emotiond bench $(GATE) $(patsubst %,--compare %,$(wildcard .ci/baseline*.json)) --limit 2.5

bench-baseline: $(VENV)/.dev  ## measure anew what bench-gate compares with
	$(VENV)/bin/emotiond bench $(GATE) --json $(BASELINE)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/bandit --quiet --recursive --configfile pyproject.toml edge converter tools emotiond.py

types: $(VENV)/.dev
	$(VENV)/bin/mypy

check: lint types test  ## everything CI runs

audit-dependencies: $(VENV)/bin/python  ## look up known weaknesses of the pinned packages, on the internet
	$(PIP) pip-audit
	$(VENV)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean:
	rm -rf $(VENV) $(HASS_VENV)

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

$(HASS_VENV)/%/.hass: tests/homeassistant/requirements-%.txt
	$(HASS_PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
