# `make` alone prints what there is. Everything is set up by packaging/setup.sh, which can also be called directly.
SETUP := bash packaging/setup.sh
BIN := .venv/bin
ARGS ?=

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	--generate-hashes --no-emit-index-url --annotation-style line --custom-compile-command "make lock" \
	--quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo run native test test-fast check lock clean

help: ## print this list
	@echo "Hotpin: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, then answer the recorded questions aloud (to a file without a sound device)
	@$(SETUP)
	$(BIN)/hotpin demo $(ARGS)

run: ## set up, then start the assistant
	@$(SETUP)
	$(BIN)/hotpin $(ARGS)

setup: ## set up: system packages, .venv/, Python packages, starter models
	@$(SETUP)

native: ## set up, with llama-cpp-python compiled for this CPU: a faster model, 7 to 12 minutes
	@$(SETUP) native

test: ## set up for tests, then run all of them (ARGS="-k word" for some)
	@$(SETUP) test
	$(BIN)/python -m pytest $(ARGS)

test-fast: ## the tests that need neither much time nor a sound server
	@$(SETUP) test
	$(BIN)/python -m pytest -m "not slow and not e2e" $(ARGS)

check: ## style and types
	@$(SETUP) check
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

lock: ## choose the newest versions of all packages anew, and note them with their hashes
	@$(SETUP) check
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --output-file requirements.lock
	$(LOCK) --constraint requirements.lock --extra dev --extra kokoro --extra wake --output-file requirements-dev.lock
	$(LOCK) --constraint requirements-dev.lock --extra server --extra redis --output-file requirements-server.lock
	$(LOCK) --constraint requirements.lock --extra native --output-file requirements-native.lock

clean: ## remove .venv/ and what tools left behind; models and settings stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov build dist
