# Four commands. Each sets itself up in .venv, and nothing outside this folder is touched.
#   make demo     train five methods at 90 % sparsity and draw their learning curves
#   make test     run all tests
#   make check    format, lint, types and tests: what a change must pass
#   make install  only the set-up
PYTHON ?= python3

.PHONY: install demo test check clean

install: .venv/installed

demo: install
	@scripts/demo

test: install
	@scripts/check test

check: install
	@scripts/check

clean:
	rm -rf .venv demo

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("sparserl needs Python 3.11 or later: make PYTHON=...")'
	@echo "setting up .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip -qq install --disable-pip-version-check --editable '.[develop]'
	@touch .venv/installed
