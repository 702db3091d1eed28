# The commands of the lab, and the order of the steps. Settings are environment variables: make kwok NODE_COUNT=100
.NOTPARALLEL:
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Runs a task as `npx tsx <task>` does, in less time.
TASK := node lib/cli/bundled.js
TEST := node --import tsx test/run.ts
ARGS :=

## help: prints these targets
.PHONY: help
help:
	@awk '/^## /{sub("^## ", ""); split($$0, part, ": "); printf "  %-24s %s\n", part[1], part[2]}' $(MAKEFILE_LIST)

KWOK_STEPS := kwok-check programs dashboards kwok-create-cluster kwok-context kwok-kubeconfig kwok-kubelet-gateway kwok-heal kwok-lgtm kwok-jaeger kwok-nodes \
  kwok-stats-proxy kwok-metrics-server kwok-kube-state-metrics kwok-workloads kwok-usage kwok-pods kwok-collector kwok-traces kwok-grafana kwok-ready
K3D_STEPS := dashboards k3d-create-cluster k3d-lgtm k3d-collectors
IN_CLUSTER_STEPS := dashboards in-cluster-install k3d-lgtm in-cluster-nodes

## kwok: brings up the KWOK lab; ends when its metrics are in Prometheus
.PHONY: kwok
kwok: node_modules/.package-lock.json
	@# Its step kwok-heal heals that lab.
	@KUBE_CONTEXT=auto $(TASK) lib/cli/steps.ts $(KWOK_STEPS:%=tasks/%.ts)

## k3d: creates a k3d cluster in Docker with LGTM and collectors; ends when its metrics are in Prometheus
.PHONY: k3d
k3d: node_modules/.package-lock.json
	@$(TASK) lib/cli/steps.ts $(K3D_STEPS:%=tasks/%.ts)

## in-cluster: runs the lab inside the cluster of KUBE_CONTEXT, with NODE_COUNT simulated nodes; ends when its metrics are in Prometheus
.PHONY: in-cluster
in-cluster: node_modules/.package-lock.json
	@$(TASK) lib/cli/steps.ts $(IN_CLUSTER_STEPS:%=tasks/%.ts)

## kwok-down: takes the KWOK lab down and leaves nothing
## kwok-status: shows the parts of the KWOK lab and the number of nodes, pods and series
## kwok-nodes: scales the cluster to NODE_COUNT nodes
## kwok-pods: scales the cluster to POD_COUNT pods of the template
## kwok-workloads: applies the Deployments, StatefulSets, DaemonSets, Jobs, ... of kwok-config/workloads
## kwok-usage: applies the resource usage objects of kwok-config/kwok-usage.yaml
## kwok-context: makes the lab's cluster kubectl's current context
## kwok-check: checks the preconditions of make kwok
## kwok-create-cluster: creates or starts the KWOK cluster
## kwok-kubeconfig: writes the kubeconfigs of the programs that read the cluster
## kwok-kubelet-gateway: starts the kubelet gateway, the way to the nodes' kubelets for kube-apiserver and tools
## kwok-lgtm: starts Prometheus; in the Docker runtime LGTM
## kwok-jaeger: starts Jaeger, which keeps the newest traces
## kwok-stats-proxy: starts the stats proxy, a kubelet API for each simulated node
## kwok-metrics-server: starts metrics-server, for kubectl top and HPAs
## kwok-kube-state-metrics: starts kube-state-metrics and node exporters, for METRICS=prometheus or both
## kwok-collector: starts the OpenTelemetry Collector
## kwok-traces: starts the trace simulator, which makes TRACE_RATE requests a second
## kwok-grafana: starts Grafana if its binary is installed, else the lab's page
## kwok-ready: waits until the metrics are complete
## kwok-scenario: makes the cluster fail as SCENARIO, on TARGET, for the time FOR; or prints the list
## kwok-heal: ends scenarios and restores what was there before
## kwok-metrics: makes KWOK serve resource metrics and the custom metrics of METRICS_FILE
## kwok-boutique: runs Online Boutique, BOUTIQUE_REPLICAS pods of each service
## kwok-boutique-down: removes Online Boutique
## k3d-down: deletes the k3d cluster, or uninstalls the lab from the cluster of KUBE_CONTEXT
## k3d-status: shows the parts of the lab in the k3d cluster, or in that of KUBE_CONTEXT
## k3d-create-cluster: creates the k3d cluster
## k3d-lgtm: installs LGTM with the dashboards and rules
## k3d-collectors: installs the two collectors, and waits until every node has metrics
## k3d-demo: runs a web server and a client in namespace demo of the cluster
## k3d-port-forward: forwards LGTM's ports of KUBE_CONTEXT's cluster to 127.0.0.1, until Ctrl-C
## in-cluster-down: removes the lab with its simulated nodes from inside the cluster of KUBE_CONTEXT
## in-cluster-install: installs the lab inside the cluster of KUBE_CONTEXT
## in-cluster-nodes: scales the simulated nodes inside the cluster of KUBE_CONTEXT to NODE_COUNT
## lab-image: writes the folder of the lab's own image, by npx tsx tasks/lab-image.ts --out image
## dashboards: writes the dashboards and the rules
## lint-dashboards: checks the text of dashboards and rules
## verify: checks every query and number of the dashboards on the running lab
## verify-alerts: starts each scenario, and checks that its alerts wait, fire and resolve
## report: writes every dashboard with live data and verify results to report/index.html
## view: serves the dashboards with live data on 127.0.0.1:3000
## programs: finds, downloads or builds every program
## programs-export: writes the cached programs into FILE, an archive for another machine
## programs-import: puts the programs of the archive FILE into the cache
## doctor: shows where each program is, or how the lab can get it
## update-version: pins a program at a version, by npx tsx tasks/update-version.ts <program> <version>
## reference: writes the reference pages of docs/reference from the code
## bench: measures the lab and prints each figure with the ratio to its baseline
STEPS := kwok-down kwok-status kwok-nodes kwok-pods kwok-workloads kwok-usage kwok-context kwok-check \
  kwok-create-cluster kwok-kubeconfig kwok-kubelet-gateway kwok-lgtm kwok-jaeger kwok-stats-proxy kwok-metrics-server kwok-kube-state-metrics kwok-collector kwok-traces \
  kwok-grafana kwok-ready kwok-scenario kwok-heal kwok-metrics kwok-boutique kwok-boutique-down \
  k3d-down k3d-status k3d-create-cluster k3d-lgtm k3d-collectors k3d-demo k3d-port-forward in-cluster-install in-cluster-nodes in-cluster-down lab-image dashboards lint-dashboards verify verify-alerts report view programs programs-export programs-import doctor update-version reference bench
.PHONY: $(STEPS)
# These read many large responses: a young generation that holds one of ten thousand pods causes fewer garbage collections.
verify report: TASK := node --max-semi-space-size=64 lib/cli/bundled.js
programs-export programs-import: ARGS = "$$FILE"
$(STEPS): node_modules/.package-lock.json
	@$(TASK) tasks/$@.ts $(ARGS)

## lint: checks types and style
.PHONY: lint
lint: node_modules/.package-lock.json
	node_modules/.bin/biome check .
	node_modules/.bin/tsc --noEmit

# Before the tests, which have limits: building takes minutes.
.PHONY: test-programs
test-programs: node_modules/.package-lock.json
	@METRICS=both ALERTMANAGER=true RUNTIME=binary $(TASK) tasks/programs.ts

## test: runs the unit and end-to-end tests, on clusters of their own
.PHONY: test
test: test-programs
	@$(TEST) unit e2e

## test-long: runs the long tests that make test skips (each scenario twice, the whole of Docker, a real node and killed parts, Ctrl-C at each moment, accessibility)
.PHONY: test-long
test-long: test-programs
	@$(TEST) long

## test-unit: runs the tests that need no cluster
.PHONY: test-unit
test-unit: test-programs
	@$(TEST) unit

## test-e2e: runs the tests that bring up clusters
.PHONY: test-e2e
test-e2e: test-programs
	@$(TEST) e2e

node_modules/.package-lock.json: package.json package-lock.json
	npm ci
	@touch $@
