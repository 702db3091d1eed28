import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { goDuration } from '../cli/settings.ts'
import { generatedDir, jsonFolder } from '../grafana/generated-files.ts'
import { insidePorts } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { caPath, prometheusTokenPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { say } from '../lab/task.ts'
import { lookbackMs } from '../prometheus/prometheus-config.ts'
import { isOk, probe } from '../system/probe.ts'
import type { ContainerSpec } from './container-spec.ts'
import {
  containerDir,
  copyForContainer,
  insideDir,
  writeContainerKubeconfig,
  writeForContainer,
} from './container-user.ts'
import { grafanaUrl } from './grafana.ts'
import { ensureGrafanaPassword, fromFile } from './grafana-password.ts'
import { datasourcesYaml, providersYaml, provisionedOwnDir } from './grafana-provisioning.ts'
import { jaeger } from './jaeger.ts'
import { labPrometheusConfig, readyUrl } from './prometheus.ts'
import { hasService, type Service } from './service.ts'
import { userRulesDir } from './user-rules.ts'

/** LGTM's home folder, https://github.com/grafana/docker-otel-lgtm at 6b62ccec (August 2026). */
const HOME = '/otel-lgtm'
/** Where the output of `make dashboards` is mounted. */
const dashboardsInside = `${HOME}/kube-otel-lab`
const ports = ['grafanaPort', 'prometheusPort', 'otlpGrpcPort', 'otlpHttpPort'] as const

/**
 * LGTM: Grafana, Prometheus, Tempo and Loki in one container, with the lab's Prometheus configuration. Prometheus reloads that and the
 * rules when they change. Anonymous users get the Viewer role (the image's default is Admin), the administrator the lab's password.
 */
export const lgtm = {
  name: 'lgtm',
  container: {
    ports,
    probe: async lab => await probe({ url: readyUrl(lab) }),
    spec: lgtmSpec,
  },
} as const satisfies Service

async function lgtmSpec(lab: Lab): Promise<ContainerSpec> {
  const { collectionInterval } = lab.settings
  const config = labPrometheusConfig(lab, {
    kubeconfigFile: `${insideDir}/kubeconfig.yaml`,
    tokenFile: copyForContainer(lab, 'lgtm', prometheusTokenPath(lab)),
    caFile: copyForContainer(lab, 'lgtm', caPath(lab)),
    ruleFiles: ['rules', 'own-rules'].map(folder => `${dashboardsInside}/${folder}/*.yaml`),
  })
  const kubeconfig = writeContainerKubeconfig(lab, 'prometheus', 'lgtm')
  const token = readFileSync(prometheusTokenPath(lab), 'utf8')
  const configFile = writeForContainer(lab, 'lgtm', 'prometheus.yaml', config)
  const store = hasService(lab, jaeger) ? 'jaeger' : 'tempo'
  const own = await provisionedOwnDir(lab, say)
  const targets = {
    prometheusUrl: `http://127.0.0.1:${insidePorts.prometheusPort}`,
    jaegerUrl:
      store === 'jaeger'
        ? `http://${containerName(lab.settings.clusterName, 'jaeger')}:${insidePorts.jaegerPort}`
        : undefined,
    intervalMs: collectionInterval,
    jsonDir: `${dashboardsInside}/json`,
    ownDir: own === undefined ? undefined : `${dashboardsInside}/own`,
  }
  const [datasources, providers] = [datasourcesYaml(targets), providersYaml(targets)]
  const datasourcesFile = writeForContainer(lab, 'lgtm', 'datasources.yaml', datasources)
  const providersFile = writeForContainer(lab, 'lgtm', 'providers.yaml', providers)
  const json = join(generatedDir, jsonFolder(store))
  const rules = join(generatedDir, 'rules')
  const ownRules = userRulesDir(lab)
  for (const folder of [json, rules, ownRules]) mkdirSync(folder, { recursive: true })
  const provisioning = `${HOME}/grafana/conf/provisioning`
  return {
    name: 'lgtm',
    image: 'lgtm',
    args: [],
    keepsImageUser: true,
    env: {
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      // Grafana's own syntax: the image lacks the script that reads `…__FILE`.
      GF_SECURITY_ADMIN_PASSWORD: fromFile(copyForContainer(lab, 'lgtm', ensureGrafanaPassword(lab))),
      // By default the image sends the logs to /dev/null. These are the parts that the lab configures.
      ENABLE_LOGS_PROMETHEUS: 'true',
      ENABLE_LOGS_GRAFANA: 'true',
      ENABLE_LOGS_OTELCOL: 'true',
      GF_LOG_LEVEL: 'warn',
      PROMETHEUS_EXTRA_ARGS: [
        `--query.lookback-delta=${goDuration(lookbackMs(collectionInterval))}`,
        '--storage.tsdb.retention.size=2GB',
        '--enable-feature=auto-reload-config',
        '--config.auto-reload-interval=2s',
        '--log.level=warn',
      ].join(' '),
    },
    mounts: [
      { from: containerDir(lab, 'lgtm'), to: insideDir },
      { from: configFile, to: `${HOME}/prometheus.yaml` },
      // Replaces the image's file, in which Prometheus has a step of a minute.
      { from: datasourcesFile, to: `${provisioning}/datasources/grafana-datasources.yaml` },
      { from: providersFile, to: `${provisioning}/dashboards/kube-otel-lab.yaml` },
      { from: rules, to: `${dashboardsInside}/rules` },
      { from: ownRules, to: `${dashboardsInside}/own-rules` },
      { from: json, to: `${dashboardsInside}/json` },
      ...(own === undefined ? [] : [{ from: own, to: `${dashboardsInside}/own` }]),
    ],
    volumeAt: '/data',
    ports,
    // A mounted file is not replaced by a rename on this machine.
    contents: [config, kubeconfig, token, datasources, providers].join(''),
    ready: async () => (await isOk(readyUrl(lab))) && (await isOk(`${grafanaUrl(lab)}/api/health`)),
    // Five programs start at once.
    readyTimeoutMs: 180_000,
  }
}
