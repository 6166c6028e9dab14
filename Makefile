# Five commands. Each sets itself up in .venv, and nothing outside this folder is touched.
#   make demo     train five methods at 90 % sparsity and show what they have found
#   make test     run all tests
#   make check    format, lint, types and tests: what a change must pass
#   make docs     build the site into build/docs
#   make install  only the set-up
PYTHON ?= python3

.PHONY: install demo test check docs clean

install: .venv/installed

demo: install
	@scripts/demo

test:
	@scripts/install-chromium & $(MAKE) -s install && wait && scripts/check test

check: install
	@scripts/check

docs: install
	@scripts/build-docs && echo "the site: build/docs/index.html"

clean:
	rm -rf .venv demo build

# The kernels are compiled against the jaxlib that they run with, so the build happens in .venv and not in one of pip's.
NATIVE := CMakeLists.txt $(wildcard src/sparserl/linalg/native/*)
BUILD_TOOLS := 'scikit-build-core>=1.0' cmake ninja jaxlib

.venv/installed: pyproject.toml $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("sparserl needs Python 3.11 or later: make PYTHON=...")'
	@echo "setting up .venv (a minute or two the first time)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip -qq install --disable-pip-version-check $(BUILD_TOOLS)
	@.venv/bin/python -m pip -qq install --disable-pip-version-check --no-build-isolation --editable '.[develop]'
	@.venv/bin/python -c 'from sparserl.linalg.native import unavailable_reason as why; why() and print("no native kernels:", why())'
	@touch .venv/installed
