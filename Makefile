# VideoStudio: `make run` starts it, `make test` tests it. Nothing else is needed first, and nothing is asked.
# Works with GNU make 3.81 and any POSIX shell. PYTHON=... names a Python to try first.

PY := .venv/bin/python
# As many workers as there are cores, and on one of them what belongs together (tests/conftest.py), in order.
PARALLEL := --numprocesses auto --maxprocesses 4 --no-loadscope-reorder
PROBE := import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))

.PHONY: help run setup setup-dev test bench lint css messages clean

help:
	@echo "make run     set up what is missing and serve the studio (Ctrl-C stops it)"
	@echo "make setup   set up .venv only; make setup-dev adds what tests and checks need"
	@echo "make test    set up and run the whole suite; ARGS=... are pytest's arguments"
	@echo "make bench   print the figures of docs/architecture.md; ARGS=... names rows"
	@echo "make lint    check style, types and imports"
	@echo "make css     rebuild static/ from assets/ (needs npm)"
	@echo "make messages  collect what is said to people into locale/ and compile it (needs GNU gettext)"
	@echo "make clean   remove .venv and caches; data stays"

run: setup
	@exec $(PY) manage.py studio

setup:
	@$(call environment,requirements.txt)

setup-dev:
	@$(call environment,requirements-dev.txt)

test: setup-dev
	@$(PY) -m pytest $(PARALLEL) $(ARGS)

bench: setup-dev
	@$(PY) -m tests.bench $(ARGS)

lint: setup-dev
	@$(PY) -m ruff check && $(PY) -m ruff format --check
	@find templates -name '*.html' -exec .venv/bin/djade --check --target-version 6.1 {} +
	@.venv/bin/mypy generations/gateways generations/lifecycle generations/specs
	@.venv/bin/lint-imports

css:
	@cd assets && npm install --no-package-lock --ignore-scripts --no-audit --no-fund && npm run build

messages: setup
	@$(PY) manage.py messages

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis assets/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call environment,FILE): bring .venv up to FILE. It is made anew when its Python (version, or place on disk), its own
# place or FILE has changed; an installation that was broken off is completed. Candidates are run, not looked up: a
# pyenv shim may exist and fail.
define environment
set -e; \
base() { "$$1" -c 'import sys; print(*sys.version_info[:3], sys.base_prefix)' 2>/dev/null || true; }; \
passes() { [ -n "$$1" ] && "$$1" -c '$(PROBE)' >/dev/null 2>&1; }; \
made=.venv/.made-with; installed=.venv/.installed-$(1); wanted=$$(cksum < $(1)); \
fits() { \
	[ -f $$made ] && [ "$$(base $(PY); pwd -P)" = "$$(cat $$made)" ] || return 1; \
	[ ! -f $$installed ] || [ "$$(cat $$installed)" = "$$wanted" ] || return 1; \
	! passes "$(PYTHON)" || [ "$$(base "$(PYTHON)")" = "$$(base $(PY))" ]; \
}; \
if ! fits; then \
	for python in "$(PYTHON)" python3.13 python3 python3.12 ""; do if passes "$$python"; then break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "VideoStudio needs Python 3.12 or 3.13 with its venv module. Install it (Debian, Ubuntu: apt install python3-venv; macOS: brew install python@3.13) or name one: make PYTHON=/path/to/python3.13" >&2; \
		exit 1; \
	fi; \
	echo "Making .venv with $$("$$python" -V) ..."; \
	rm -rf .venv; \
	"$$python" -m venv .venv; \
	{ base $(PY); pwd -P; } > $$made; \
fi; \
if [ ! -f $$installed ]; then \
	echo "Installing what $(1) names: once, about a minute ..."; \
	$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(1); \
	echo "$$wanted" > $$installed; \
fi
endef
