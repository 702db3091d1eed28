import { mkdirSync, readFileSync } from 'node:fs'
import { goDuration } from '../cli/settings.ts'
import { containerName } from '../docker/engine.ts'
import { insidePorts } from '../lab/addresses.ts'
import { caPath, containerKubeconfigPath, prometheusTokenPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, insideDir, writeForContainer } from './container-user.ts'
import { grafanaUrl } from './grafana.ts'
import { ensureGrafanaPassword, fromFile } from './grafana-password.ts'
import { wantsJaeger } from './jaeger.ts'
import { labPrometheusConfig, lookbackMs, prometheusUrl } from './prometheus.ts'

/** Where LGTM looks for its files, https://github.com/grafana/docker-otel-lgtm at 6b62ccec (August 2026). */
const HOME = '/otel-lgtm'
/** Where it sees what `make dashboards` writes. */
const dashboardsInside = `${HOME}/kube-otel-lab`
const PASSWORD_FILE = 'grafana.password'

/** What `make dashboards` has made for this lab, and the user's own. */
export interface LgtmFiles {
  /** Folders of this machine. */
  json: string
  rules: string
  own: string | undefined
  /** Grafana's provisioning, as it is inside: `lgtmTargets`. */
  datasources: string
  providers: string
}

/** What Grafana's provisioning names, as it is inside LGTM. */
export function lgtmTargets(lab: Lab, ownDir: string | undefined) {
  return {
    prometheusUrl: `http://127.0.0.1:${insidePorts.prometheus}`,
    jaegerUrl: wantsJaeger(lab)
      ? `http://${containerName(lab.settings.clusterName, 'jaeger')}:${insidePorts.jaeger}`
      : undefined,
    intervalMs: lab.settings.collectionInterval,
    jsonDir: `${dashboardsInside}/json`,
    ownDir: ownDir === undefined ? undefined : `${dashboardsInside}/own`,
  }
}

/**
 * How LGTM is started: Grafana, Prometheus, Tempo and Loki in one container, with the lab's Prometheus configuration in the
 * place of its own. Prometheus reloads it and the rules when they change. Anonymous users get the Viewer role, by the
 * image's own default the Admin role; the administrator has the lab's password, by default "admin".
 */
export function lgtmService(lab: Lab, files: LgtmFiles): ContainerSpec {
  const { grafanaPort, prometheusPort, otlpGrpcPort, otlpHttpPort, collectionInterval } = lab.settings
  const config = labPrometheusConfig(lab, {
    kubeconfigFile: `${insideDir}/kubeconfig.yaml`,
    tokenFile: `${insideDir}/prometheus.token`,
    caFile: `${insideDir}/ca.crt`,
    ruleFiles: [`${dashboardsInside}/rules/*.yaml`],
  })
  const kubeconfig = readFileSync(containerKubeconfigPath(lab, 'prometheus'), 'utf8')
  const token = readFileSync(prometheusTokenPath(lab), 'utf8')
  const configFile = writeForContainer(lab, 'lgtm', 'prometheus.yaml', config)
  writeForContainer(lab, 'lgtm', 'kubeconfig.yaml', kubeconfig)
  writeForContainer(lab, 'lgtm', 'prometheus.token', token)
  writeForContainer(lab, 'lgtm', 'ca.crt', readFileSync(caPath(lab), 'utf8'))
  writeForContainer(lab, 'lgtm', PASSWORD_FILE, readFileSync(ensureGrafanaPassword(lab), 'utf8'))
  const datasourcesFile = writeForContainer(lab, 'lgtm', 'datasources.yaml', files.datasources)
  const providersFile = writeForContainer(lab, 'lgtm', 'providers.yaml', files.providers)
  for (const folder of [files.json, files.rules]) mkdirSync(folder, { recursive: true })
  const provisioning = `${HOME}/grafana/conf/provisioning`
  return {
    name: 'lgtm',
    image: 'lgtm',
    args: [],
    isAsImageHasIt: true,
    env: {
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      // Grafana's own syntax: `…__FILE` is read by a script that this image doesn't have.
      GF_SECURITY_ADMIN_PASSWORD: fromFile(`${insideDir}/${PASSWORD_FILE}`),
      // The image sends what its parts log to /dev/null: these are those to which the lab gives configuration.
      ENABLE_LOGS_PROMETHEUS: 'true',
      ENABLE_LOGS_GRAFANA: 'true',
      ENABLE_LOGS_OTELCOL: 'true',
      GF_LOG_LEVEL: 'warn',
      PROMETHEUS_EXTRA_ARGS: [
        `--query.lookback-delta=${goDuration(lookbackMs(collectionInterval))}`,
        '--storage.tsdb.retention.size=2GB',
        '--enable-feature=auto-reload-config',
        '--config.auto-reload-interval=5s',
        '--log.level=warn',
      ].join(' '),
    },
    mounts: [
      { from: containerDir(lab, 'lgtm'), to: insideDir },
      { from: configFile, to: `${HOME}/prometheus.yaml` },
      // In the place of its own, which has Prometheus asked in steps of a minute.
      { from: datasourcesFile, to: `${provisioning}/datasources/grafana-datasources.yaml` },
      { from: providersFile, to: `${provisioning}/dashboards/kube-otel-lab.yaml` },
      { from: files.rules, to: `${dashboardsInside}/rules` },
      { from: files.json, to: `${dashboardsInside}/json` },
      ...(files.own === undefined ? [] : [{ from: files.own, to: `${dashboardsInside}/own` }]),
    ],
    volumeAt: '/data',
    ports: [
      [grafanaPort, insidePorts.grafana],
      [prometheusPort, insidePorts.prometheus],
      [otlpGrpcPort, insidePorts.otlpGrpc],
      [otlpHttpPort, insidePorts.otlpHttp],
    ],
    // A file that is mounted stays the one it was when another takes its place.
    contents: [config, kubeconfig, token, files.datasources, files.providers].join(''),
    ready: async () =>
      (await answers(`${prometheusUrl(lab)}/-/ready`)) && (await answers(`${grafanaUrl(lab)}/api/health`)),
    // Five programs start at once.
    readyTimeoutMs: 180_000,
  }
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
  return answer?.ok === true
}
