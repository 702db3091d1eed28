# The names a person types, and the order of the steps. Settings are environment variables: make kwok NODE_COUNT=100
.NOTPARALLEL:
.DEFAULT_GOAL := help
SHELL := /bin/sh
# What tsx itself runs, without a process in between.
TASK := node --import tsx

## help: prints these targets
.PHONY: help
help:
	@awk '/^## /{sub("^## ", ""); split($$0, part, ": "); printf "  %-22s %s\n", part[1], part[2]}' $(MAKEFILE_LIST)

KWOK_STEPS := kwok-check programs dashboards kwok-create-cluster kwok-context kwok-kubeconfig kwok-lgtm kwok-jaeger kwok-nodes \
  kwok-stats-proxy kwok-metrics-server kwok-workloads kwok-usage kwok-pods kwok-collector kwok-traces kwok-grafana kwok-ready
K3D_STEPS := dashboards k3d-create-cluster k3d-lgtm k3d-collectors

## kwok: brings up the KWOK lab, and ends when its metrics are in Prometheus
.PHONY: kwok
kwok: node_modules/.package-lock.json
	@$(TASK) lib/cli/steps.ts $(KWOK_STEPS:%=tasks/%.ts)

## k3d: brings up a real cluster in Docker with LGTM and collectors, and ends when its metrics are in Prometheus
.PHONY: k3d
k3d: node_modules/.package-lock.json
	@$(TASK) lib/cli/steps.ts $(K3D_STEPS:%=tasks/%.ts)

## kwok-down: takes the KWOK lab down and leaves nothing
## kwok-status: shows the parts of the KWOK lab, and how many nodes, pods and series there are
## kwok-nodes: makes the cluster have NODE_COUNT nodes
## kwok-pods: makes the cluster have POD_COUNT pods of the template
## kwok-workloads: applies the Deployments, StatefulSets, DaemonSets, Jobs, ... of kwok-config/workloads
## kwok-usage: applies the resource usage objects of kwok-config/kwok-usage.yaml
## kwok-context: makes the lab's cluster kubectl's current context
## kwok-check: checks that make kwok can go through
## kwok-create-cluster: creates or starts the KWOK cluster
## kwok-kubeconfig: makes the kubeconfigs of the programs that read the cluster
## kwok-lgtm: starts Prometheus
## kwok-jaeger: starts Jaeger, which keeps the newest traces
## kwok-stats-proxy: starts the stats proxy
## kwok-metrics-server: starts metrics-server, for kubectl top and HPAs
## kwok-collector: starts the OpenTelemetry Collector
## kwok-traces: starts the trace simulator, which makes TRACE_RATE requests a second
## kwok-grafana: starts Grafana where its program is there, else the lab's page
## kwok-ready: waits until the metrics are complete
## kwok-metrics: has KWOK serve resource metrics and custom metrics, those of METRICS_FILE
## kwok-boutique: runs Online Boutique, BOUTIQUE_REPLICAS pods of each service
## kwok-boutique-down: takes Online Boutique away
## k3d-down: takes the k3d cluster away, or out of KUBE_CONTEXT's cluster what the lab installed there
## k3d-status: shows what the lab has in the k3d cluster, or in that of KUBE_CONTEXT
## k3d-create-cluster: creates the k3d cluster
## k3d-lgtm: installs LGTM with the dashboards and rules
## k3d-collectors: installs the two collectors, and waits until every node is measured
## k3d-demo: runs a web server and a client in namespace demo of the cluster
## k3d-port-forward: opens LGTM's ports of KUBE_CONTEXT's cluster on 127.0.0.1, until Ctrl-C
## dashboards: writes the dashboards and the rules
## lint-dashboards: says what is wrong with the text of dashboards and rules
## verify: proves every number of the dashboards on the running lab
## report: writes every dashboard, drawn and judged, into report/index.html
## view: serves the dashboards, drawn live, on 127.0.0.1:3000
## programs: finds, downloads or builds every program
## programs-export: writes the cached programs into FILE, an archive for another machine
## programs-import: puts the programs of the archive FILE into the cache
## doctor: shows each program, where it is or how it would be had
## update-version: pins a program at a version, by npx tsx tasks/update-version.ts <program> <version>
## bench: measures the lab and prints each figure with the ratio to its baseline
STEPS := kwok-down kwok-status kwok-nodes kwok-pods kwok-workloads kwok-usage kwok-context kwok-check \
  kwok-create-cluster kwok-kubeconfig kwok-lgtm kwok-jaeger kwok-stats-proxy kwok-metrics-server kwok-collector kwok-traces \
  kwok-grafana kwok-ready kwok-metrics kwok-boutique kwok-boutique-down \
  k3d-down k3d-status k3d-create-cluster k3d-lgtm k3d-collectors k3d-demo k3d-port-forward dashboards lint-dashboards verify report view programs programs-export programs-import doctor update-version bench
.PHONY: $(STEPS)
# They read much and keep little: a young space that an answer of ten thousand pods fits into is collected less often.
verify report: TASK := node --max-semi-space-size=64 --import tsx
programs-export programs-import: ARGS = "$$FILE"
$(STEPS): node_modules/.package-lock.json
	@$(TASK) tasks/$@.ts $(ARGS)

## lint: checks types and style
.PHONY: lint
lint: node_modules/.package-lock.json
	node_modules/.bin/biome check .
	node_modules/.bin/tsc --noEmit

## test: the unit and end-to-end tests; brings up clusters of its own
.PHONY: test
test: programs
	@$(TASK) test/run.ts unit e2e

## test-long: the long tests that make test skips, all checks in the Docker runtime and Ctrl-C at each tested moment
.PHONY: test-long
test-long: programs
	@$(TASK) test/run.ts long

## test-unit: the tests that need no cluster
.PHONY: test-unit
test-unit: programs
	@$(TASK) test/run.ts unit

## test-e2e: the tests that bring up clusters
.PHONY: test-e2e
test-e2e: programs
	@$(TASK) test/run.ts e2e

node_modules/.package-lock.json: package.json package-lock.json
	npm ci
	@touch $@
