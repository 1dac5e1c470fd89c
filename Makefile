# Every target does its own set-up: a machine needs only Python 3.11+, make and PyPI.

# 3.11 first: the fastest for this server; `make PYTHON=…` chooses another.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
UV_VERSION := 0.13.9
BIN := .venv/bin
# Two workers for each core (tests/workers.py); who is done early takes over tests of another.
WORKERS ?= auto
TIMES ?= 20
PARALLEL := -n $(WORKERS) --dist=worksteal
READY := .venv/.ready
# mypy refuses a folder without Python files.
TYPED := $(foreach folder,src tests examples benchmarks scripts,$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))

# uv takes the Python of .venv and never downloads one.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# The tests start some hundred processes: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
# `uv run` or an activated environment elsewhere must not redirect the sync.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help demo sandbox apk test test-android test-clients test-keycloak torture stress check format bench bench-quick count docs web-files drift new-method clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## Drive a sandbox with Google's own Python client, all command types.
	$(BIN)/python examples/demo.py

sandbox: $(READY) ## Run a server with virtual phones on http://127.0.0.1:8080.
	$(BIN)/heliograph sandbox

apk: $(READY) ## Build the Android agent's APK; SAFE=1: without destructive code; KEY=….p12 PASSWORD_FILE=…: with your key.
	-@scripts/test_needs.sh zipalign apksigner
	@$(BIN)/python -m scripts.build_apk $(if $(SAFE),--safe) $(if $(KEY),--key '$(KEY)' --password-file '$(PASSWORD_FILE)')

# CI tries the clients of other languages too. Without PostgreSQL's programs, Chromium, Node, or what deploy/ has examples for, the tests that
# need it are skipped, and without a C compiler less is seen of what goes beyond this machine (tests/socket_watch.py), but not in CI. There
# the few that failed are tried a second time, alone (scripts/second_try.py).
test: $(READY) ## Run the tests; those that were skipped are named.
	@scripts/test_needs.sh postgresql || $(if $(filter true,$(CI)),exit 1,true)
	@scripts/test_needs.sh gcc libc6-dev || $(if $(filter true,$(CI)),exit 1,true)
	@scripts/test_needs.sh chromium-headless-shell nodejs npm || $(if $(filter true,$(CI)),exit 1,true)
	@scripts/test_needs.sh haproxy nginx caddy prometheus systemd || $(if $(filter true,$(CI)),exit 1,true)
	-@scripts/test_needs.sh zipalign apksigner iproute2 systemd-container
	$(BIN)/pytest tests -rs $(PARALLEL) $(if $(filter true,$(CI)),-m "not torture and not keycloak") || $(BIN)/python -m scripts.second_try $$?

test-android: $(READY) ## Test the Android agent on every level of Android that is pinned (docs/android.md).
	-@scripts/test_needs.sh zipalign apksigner
	HELIOGRAPH_ANDROID_LEVELS=all $(BIN)/pytest tests/android -rs -n 0

test-clients: $(READY) ## Drive the server with Google's clients and others' programs: Python, Node, Go, Java, Rust.
	$(BIN)/pytest tests/clients -m "not torture" -rs $(PARALLEL)

test-keycloak: $(READY) ## Sign people in by Keycloak, which it fetches (150 MB) with Maven.
	@scripts/test_needs.sh chromium-headless-shell || $(if $(filter true,$(CI)),exit 1,true)
	$(BIN)/pytest tests/people -m keycloak -rs

torture: $(READY) ## Break everything on purpose, for long (docs/faults.md); SEED=… repeats a run's choices.
	HELIOGRAPH_TESTS_BY_EXEC=1 $(BIN)/pytest tests -m torture -rs -s --durations=20 $(if $(SEED),--seed='$(SEED)')

stress: $(READY) ## Run the tests 20 times on a busy machine, and say which failed how often; TIMES=… ARGUMENTS='tests -m torture'.
	-@scripts/test_needs.sh stress-ng
	$(BIN)/python -m scripts.stress_tests --times $(TIMES) -- $(ARGUMENTS)

check: $(READY) ## Lint, check formatting, types and import contracts.
	$(BIN)/uv lock --check --quiet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(TYPED)
	$(BIN)/lint-imports

format: $(READY) ## Apply the formatter and the safe lint fixes.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure everything (15 minutes on a quiet machine with two cores), and write docs/performance.md anew.
	scripts/test_needs.sh wrk
	-scripts/test_needs.sh postgresql mosquitto
	-$(BIN)/python -m benchmarks.nanomdm
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.report

bench-quick: $(READY) ## See that every benchmark runs (4 minutes); its figures mean nothing.
	scripts/test_needs.sh wrk
	-$(BIN)/python -m benchmarks.nanomdm
	$(BIN)/python -m benchmarks --quick

count: $(READY) ## Count again what a request costs in opcodes, which a test compares (benchmarks/counted.json).
	$(BIN)/python -m benchmarks.counted --write

docs: $(READY) ## Write the generated pages of docs/ again, and what the code takes from Google's discovery document.
	$(BIN)/python -m scripts.official_schema
	$(BIN)/python -m scripts.generate_docs

screenshots: $(READY) ## Take the pictures of the console in docs/images again (needs Chromium).
	$(BIN)/python -m scripts.screenshots

web-files: $(READY) ## Take the console's foreign scripts from their npm packages again (needs npm).
	$(BIN)/python -m scripts.web_files

drift: $(READY) ## Compare Google's newest discovery document with what is known of it.
	@$(BIN)/python -m scripts.drift --newest

new-method: $(READY) ## Write the skeleton of a REST method of Google's: make new-method ID=enterprises.migrationTokens.get.
	@$(BIN)/python -m scripts.new_method "$(ID)"

.venv: $(READY) ## Create the virtual environment from uv.lock.

$(READY): uv.lock pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo "Heliograph needs Python 3.11 or newer: install it, or make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
		echo "$(PYTHON) -m venv failed (see above); where ensurepip is missing, Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --quiet --frozen --all-groups --all-extras
	@touch $@

clean: ## Remove the virtual environment and all caches.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests examples benchmarks scripts -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
