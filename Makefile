# Each target sets up what it needs on first use. Only python3 with venv, and make, must be there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=

.PHONY: help demo run test lint cluster bench fuzz packages model model-eval image-steps clean
.DEFAULT_GOAL := help

help: ## What there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	  || { echo "Tast1 needs Python 3.10 to 3.12; name one: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . 2>/dev/null \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

packages: # What the tests use beside Python (SIPp, espeak-ng, an identity provider); says what is skipped
	@sh tests/debian-packages.sh
	@sh tests/web/provider/install.sh

demo: $(READY) ## One recorded and one silent call, live on loopback, then 31 days later
	$(BIN)/tast1 demo $(ARGS)

run: $(READY) ## Start the gateway with config.yaml; it says which SIP URI to dial
	$(BIN)/tast1 serve $(ARGS)

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# First what needs the processor, then real calls, which mostly wait (file by file, two at a time), then
# what wants the machine for itself. All three run, whatever fails. Status 5: ARGS chose none of these.
test: $(READY) packages lint ## Everything: lint, unit tests, real calls
	@failed=0; part() { echo; echo "== $$1"; shift; "$$@" $(ARGS) || test $$? = 5 || failed=1; }; \
	part "everything but calls" $(BIN)/pytest -n auto --dist worksteal -m "not (sip or alone)"; \
	part "calls" $(BIN)/pytest -n 2 --dist loadfile -m "sip and not alone"; \
	part "alone" $(BIN)/pytest -m alone; \
	exit $$failed

cluster: $(READY) packages ## Kamailio, two gateways, PostgreSQL, S3 and transcribers on loopback: one killed, one drained
	$(BIN)/python -m tests.sip.cluster

bench: $(READY) packages ## Load and timings, written to docs/performance.md
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(READY) ## Coverage-guided fuzzing of what reads hostile input (docs/hostile.md)
	$(BIN)/python -m tests.fuzz $(ARGS)

# The network is trained on the processor; PyTorch lives in a place of its own, nothing else needs it.
MODEL_READY := $(VENV)-model/.ready

$(MODEL_READY): requirements-model.lock
	test -x $(VENV)-model/bin/python || $(PYTHON) -m venv $(VENV)-model
	$(VENV)-model/bin/pip install --quiet --disable-pip-version-check --no-deps torch==2.13.0+cpu 2>/dev/null \
	  || echo "no index that pip knows has PyTorch's build without CUDA; the larger one is fetched"
	$(VENV)-model/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-model.lock
	$(VENV)-model/bin/python -W ignore -c 'import torch' 2>/dev/null \
	  || { echo "this build of PyTorch wants its CUDA libraries, some gigabytes; they are fetched"; \
	       $(VENV)-model/bin/pip install --quiet --disable-pip-version-check torch===2.13.0; }
	touch $@

model: $(MODEL_READY) packages ## Build the speech model da-demo from nothing into transcription/models/da-demo
	$(VENV)-model/bin/python -m transcription.models $(ARGS)

model-eval: $(READY) packages ## Measure da-demo on sentences and voices that training does not use
	$(BIN)/python -m transcription.models.evaluation $(ARGS)

image-steps: $(READY) ## Run the Dockerfile's steps where there is no container engine (root, debootstrap)
	$(BIN)/python deploy/image_steps.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(VENV)-model tests/web/provider/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info .demo .bench
