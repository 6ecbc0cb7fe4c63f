# `make demo` and `make test` are all a newcomer needs. `make help` lists the rest.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
PHOENIX := .phoenix
PEERS := .peers
CLIENTS := .clients
AGENTDOJO := .agentdojo
AGENTPEERS := .agent-peers
CONFORMANCE := .conformance
BIN := $(VENV)/bin
export PYTHONPATH :=
# hundreds of processes are started, each would compile us anew
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup phoenix peers clients agentdojo agent-peers conformance demo test chaos interop docs lint types imports fragments hygiene wheel-check release-check bench eval soak load fuzz dashboards lock format changelog clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: none found on PATH (make PYTHON=… names one)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=…)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.lock pyproject.toml
	@echo "installing the locked packages"
	@$(BIN)/python scripts/install.py requirements.lock --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	@echo "installing the locked development packages"
	@$(BIN)/python scripts/install.py requirements-dev.lock
	@touch $@

setup: $(VENV)/.development ## set up .venv with everything for development

$(PHOENIX)/.installed: requirements-phoenix.lock | $(VENV)/.created
	$(BIN)/python -m venv $(PHOENIX)
	@$(PHOENIX)/bin/python scripts/install.py requirements-phoenix.lock
	@touch $@

phoenix: $(PHOENIX)/.installed ## install Arize Phoenix in an environment of its own, for its tests (890 MB)

$(PEERS)/.installed: requirements-peers.lock | $(VENV)/.created
	$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python scripts/install.py requirements-peers.lock
	@touch $@

peers: $(PEERS)/.installed ## install Presidio and spaCy in an environment of their own, to be compared with (600 MB)

$(CLIENTS)/.installed: requirements-clients.lock | $(VENV)/.created
	$(BIN)/python -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python scripts/install.py requirements-clients.lock --sdist freshpy --sdist ijson
	@touch $@

clients: $(CLIENTS)/.installed ## install ITSM vendors' third-party clients in an environment of their own, for the sandboxes' tests

$(AGENTDOJO)/.installed: requirements-agentdojo.lock | $(VENV)/.created
	$(BIN)/python -m venv $(AGENTDOJO)
	@$(AGENTDOJO)/bin/python scripts/install.py requirements-agentdojo.lock
	@touch $@

agentdojo: $(AGENTDOJO)/.installed ## install AgentDojo in an environment of its own, for its attacks on agents (300 MB)

$(AGENTPEERS)/.installed: requirements-agent-peers.lock | $(VENV)/.created
	$(BIN)/python -m venv $(AGENTPEERS)
	@$(AGENTPEERS)/bin/python scripts/install.py requirements-agent-peers.lock
	@touch $@

agent-peers: $(AGENTPEERS)/.installed ## install LangGraph, Agno and OpenAI Agents in an environment of their own, which runs of agents are compared with (400 MB)

$(CONFORMANCE)/.installed: tests/conformance/package.json
	@mkdir -p $(CONFORMANCE)
	@cp tests/conformance/package.json $(CONFORMANCE)/
	@npm install --prefix $(CONFORMANCE) --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

conformance: $(VENV)/.development $(CONFORMANCE)/.installed ## run the Model Context Protocol's conformance suite against /mcp (needs npm)
	$(BIN)/python -m tests.conformance.run --tool $(CONFORMANCE)/node_modules

demo: $(VENV)/.runtime ## show Deskmind on a fictional company (ARGS=--exit ends after the answers)
	@$(BIN)/deskmind demo $(ARGS)

# in four processes, because tests wait a lot; those that wait for processes to start, to be killed and to come back are apart
PYTEST = $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.development ## run the tests (COVERAGE=yes: with the coverage gate, as .ci/run does)
	@$(if $(COVERAGE),$(BIN)/python -m coverage erase)
	$(PYTEST) -m "not (chaos or interop or documentation)" $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0) $(ARGS)
	@$(if $(COVERAGE),$(BIN)/python -m coverage report)

chaos: $(VENV)/.development ## run the tests that kill processes, fill disks, and meet vendors on their bad days
	$(PYTEST) -m chaos $(ARGS)

interop: $(VENV)/.development ## run the tests with programs of others: what phoenix, clients and agentdojo installed, and Prometheus
	$(PYTEST) -m interop $(ARGS)

docs: $(VENV)/.development ## run the documentation's snippets and the examples, check the links and the changelog's fragments
	$(PYTEST) -m documentation $(ARGS)
	@$(MAKE) --no-print-directory fragments

lint: $(VENV)/.development ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.development ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.development ## check types, strictly
	$(BIN)/basedpyright

imports: $(VENV)/.development ## check that lower floors import no upper ones
	$(BIN)/lint-imports

fragments: $(VENV)/.development ## check the changelog's fragments
	$(BIN)/towncrier build --draft --version next >/dev/null

hygiene: $(VENV)/.development ## look for secrets, index addresses, machine paths, large files, unresolved merges
	$(BIN)/python scripts/check_hygiene.py

wheel-check: $(VENV)/.development ## build the wheel and run its demo outside the checkout
	scripts/wheel-check

release-check: $(VENV)/.development ## sign a record of the tests that .reports/ tells of and hold the wheel against it
	@$(BIN)/python -m coverage json -q --fail-under=0 -o .reports/coverage.json
	scripts/release-check .reports/coverage.json .reports/*.xml

bench: $(VENV)/.development ## measure speed; writes benchmarks/results/
	$(BIN)/python -m benchmarks $(ARGS)

eval: $(VENV)/.development ## measure quality on the public question sets beside the checkout
	$(BIN)/python evals/run.py $(ARGS)

soak: $(VENV)/.development ## long runs: ledgers, copies, large files, mirrors, agents, limits, ends (ARGS=accounting, agents, sync, files, mirrors, limits, drain)
	$(BIN)/python -m soak $(ARGS)

$(VENV)/load/.installed: $(VENV)/.development tests/load/requirements.lock
	@echo "installing what drives the load into an environment of its own"
	@$(BIN)/python -m venv $(VENV)/load
	@$(VENV)/load/bin/python scripts/install.py tests/load/requirements.lock
	@touch $@

load: $(VENV)/load/.installed ## load on a real service: ARGS=smoke, load, stress, spike or soak
	$(BIN)/python -m tests.load.run $(ARGS)

$(VENV)/fuzz/.installed: $(VENV)/.development tests/fuzz/requirements.lock
	@echo "installing what makes up requests into an environment of its own"
	@$(BIN)/python -m venv $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python scripts/install.py tests/fuzz/requirements.lock
	@touch $@

fuzz: $(VENV)/fuzz/.installed ## requests made up from the OpenAPI document against a real service, 15 minutes (ARGS="--seconds 120")
	$(BIN)/python -m tests.fuzz.run $(ARGS)

dashboards: $(VENV)/.development ## make Grafana's dashboards and Prometheus's rules anew
	$(BIN)/python -m deploy.generate

lock: $(VENV)/.development ## resolve the dependencies anew
	scripts/lock
	scripts/lock-load

changelog: $(VENV)/.development ## gather changes/ into CHANGELOG.md (VERSION=…)
	@test -n "$(VERSION)" || { echo "name the release: make changelog VERSION=0.1.0"; exit 1; }
	$(BIN)/towncrier build --yes --version $(VERSION)

clean: ## remove what was built, .venv included
	rm -rf $(VENV) $(PHOENIX) $(PEERS) $(CLIENTS) $(AGENTDOJO) $(AGENTPEERS) $(CONFORMANCE) .reports dist build htmlcov .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
