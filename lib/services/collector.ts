import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ipRange } from '../cli/ip-range.ts'
import { docker } from '../docker/engine.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { containerName, labLabels } from '../lab/container-names.ts'
import { caPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { ensureClientCertificate } from '../lab/lab-certificates.ts'
import { imageOf } from '../lab/lab-images.ts'
import { hasOtelMetrics } from '../lab/metrics-dialects.ts'
import { programPath } from '../programs/programs.ts'
import { serviceEnvironment } from '../system/environment.ts'
import { acceptsConnections } from '../system/ports.ts'
import { probe } from '../system/probe.ts'
import { run } from '../system/run.ts'
import { type CollectorInput, collectorConfig } from './collector-config.ts'
import { HOST_ROOT, hostMounts, labMountPoint } from './collector-host.ts'
import { acceptsInside, probeInside } from './container-services.ts'
import type { ContainerSpec } from './container-spec.ts'
import {
  containerDir,
  containerUser,
  copyForContainer,
  giveToContainers,
  insideDir,
  writeContainerKubeconfig,
} from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { jaeger } from './jaeger.ts'
import { kubeletProxyEnv } from './kubelet-gateway.ts'
import { type ServiceSpec, wroteItsPid } from './process-services.ts'
import { hasService, inRuntime, type LabServices, type RunsAs, type Service } from './service.ts'

const CONFIG_FILE = 'otelcol.yaml'

/** What of the collector differs between the runtimes, beside its spec. */
interface CollectorRuns {
  /** Its configuration file: in a folder of its own where a container sees it. */
  configPath: (lab: Lab) => string
  config: (lab: Lab) => CollectorEnds | Promise<CollectorEnds>
  /** Runs `otelcol validate` on a file; for a container, with the mounts and user that it will run with. */
  validate: (lab: Lab, file: string) => Promise<unknown>
  /** Whether the collector accepts OTLP. */
  isListening: (lab: Lab) => Promise<boolean>
}
type CollectorEnds = Pick<
  CollectorInput,
  'kubeletTls' | 'otlpGrpcEndpoint' | 'otlpHttpEndpoint' | 'tracesEndpoints' | 'host' | 'eventsUrl'
>

// The collector lists every pod and node before it listens: 12,000 pods take more than a minute on a busy machine.
const READY_TIMEOUT_MS = 180_000

/** The OpenTelemetry Collector. `ensureCollector` starts it. */
export const collector = {
  name: 'collector',
  process: {
    ports: ['otlpGrpcPort', 'otlpHttpPort'],
    probe: async lab => await probe({ url: `http://127.0.0.1:${lab.settings.otlpHttpPort}/v1/traces` }),
    configPath: processConfigPath,
    config: async lab => ({
      kubeletTls: await processTls(lab),
      otlpGrpcEndpoint: `127.0.0.1:${lab.settings.otlpGrpcPort}`,
      otlpHttpEndpoint: `127.0.0.1:${lab.settings.otlpHttpPort}`,
      tracesEndpoints: jaegerEndpoint(lab),
    }),
    validate: async (lab, file) => {
      const env = { ...serviceEnvironment(process.env), ...collectorEnv(lab) }
      await run(await programPath('otelcol'), ['validate', `--config=${file}`], { env, timeoutMs: 60_000 })
    },
    isListening: acceptsHere,
    spec: async lab => {
      const { cert_file: certificateFile } = await processTls(lab)
      return {
        name: 'collector',
        command: await programPath('otelcol'),
        args: [`--config=${processConfigPath(lab)}`],
        env: { ...collectorEnv(lab), ...kubeletProxyEnv(lab) },
        contents: readFileSync(certificateFile, 'utf8'),
        ready: () => acceptsHere(lab),
        readyTimeoutMs: READY_TIMEOUT_MS,
      }
    },
  } satisfies RunsAs<ServiceSpec> & CollectorRuns,
  container: {
    inside: lab => addressesOf(lab).collectorGrpc,
    probe: async lab => await probeInside(lab, addressesOf(lab).collectorHttp),
    configPath: lab => join(containerDir(lab, 'collector'), CONFIG_FILE),
    config: async lab => {
      const lgtm = lgtmName(lab)
      return {
        kubeletTls: (await containerTls(lab)).files,
        otlpGrpcEndpoint: `0.0.0.0:${insidePorts.otlpGrpcPort}`,
        otlpHttpEndpoint: `0.0.0.0:${insidePorts.otlpHttpPort}`,
        tracesEndpoints: containerTraces(lab),
        host: { rootPath: HOST_ROOT, mountPoint: labMountPoint(lab) },
        ...((await readsEvents(lab)) ? { eventsUrl: `http://${lgtm}:${insidePorts.otlpHttpPort}/v1/logs` } : {}),
      }
    },
    validate: validateInContainer,
    isListening: acceptsOnNetwork,
    spec: async lab => {
      // Exporters over gRPC use the proxy too.
      const proxy = kubeletProxyEnv(lab, Object.values(containerTraces(lab)))
      return {
        name: 'collector',
        image: 'otelcol',
        args: [`--config=${insideDir}/${CONFIG_FILE}`],
        env: { KUBECONFIG: `${insideDir}/kubeconfig.yaml`, ...proxy },
        mounts: [{ from: containerDir(lab, 'collector'), to: insideDir }, ...hostMounts(lab)],
        contents: (await containerTls(lab)).certificate,
        ready: () => acceptsOnNetwork(lab),
        readyTimeoutMs: READY_TIMEOUT_MS,
      }
    },
  } satisfies RunsAs<ContainerSpec> & CollectorRuns,
} as const

/** Keeps one receiver in the collector for each node of the cluster, and the rules of RULES_DIR in Prometheus. It works on the lab's files, so it runs on the machine. */
export const collectorWatch = {
  name: 'collector-watch',
  isOnMachine: true,
  process: {
    isWanted: lab => hasOtelMetrics(lab) || lab.settings.rulesDir !== 'none',
    probe: async lab => ((await isWatching(lab)) ? undefined : 'it has not listed the cluster yet'),
    spec: async lab => ({
      name: 'collector-watch',
      ...(await daemonCommand('collector-watch', join('lib', 'services', 'collector-watch.ts'), {
        args: ['--cluster-name', lab.settings.clusterName],
      })),
      runsTools: true,
      ready: () => isWatching(lab),
    }),
  },
} as const satisfies Service

function processConfigPath(lab: Lab): string {
  return join(lab.configDir, CONFIG_FILE)
}

async function acceptsHere(lab: Lab): Promise<boolean> {
  return await acceptsConnections(lab.settings.otlpHttpPort)
}

async function acceptsOnNetwork(lab: Lab): Promise<boolean> {
  return await acceptsInside(lab, addressesOf(lab).collectorHttp)
}

async function isWatching(lab: Lab): Promise<boolean> {
  return await wroteItsPid(lab, 'collector-watch', watchReadyPath(lab))
}

/** The files of TLS. `otelcol validate` reads them, so they must be there before the configuration. */
async function processTls(lab: Lab): Promise<CollectorInput['kubeletTls']> {
  const { certificateFile, keyFile } = await ensureClientCertificate(lab, 'collector')
  return { ca_file: caPath(lab), cert_file: certificateFile, key_file: keyFile }
}

/** The same in the container, and the text of the client certificate. */
async function containerTls(lab: Lab): Promise<{ files: CollectorInput['kubeletTls']; certificate: string }> {
  const own = await processTls(lab)
  const files = {
    ca_file: copyForContainer(lab, 'collector', own.ca_file),
    cert_file: copyForContainer(lab, 'collector', own.cert_file, 'client.crt'),
    key_file: copyForContainer(lab, 'collector', own.key_file, 'client.key'),
  }
  return { files, certificate: readFileSync(own.cert_file, 'utf8') }
}

function lgtmName(lab: Lab): string {
  return containerName(lab.settings.clusterName, 'lgtm')
}

function containerTraces(lab: Lab): Record<string, string> {
  return { ...jaegerEndpoint(lab), lgtm: `${lgtmName(lab)}:${insidePorts.otlpGrpcPort}` }
}

function jaegerEndpoint(lab: Lab): Record<string, string> {
  return hasService(lab, jaeger) ? { jaeger: addressesOf(lab).jaegerOtlp } : {}
}

/** The InternalIP of each node, by name. */
type NodeAddresses = CollectorInput['nodes']

/** The nodes whose address the lab has written to their status. kwok-controller may write others before. */
export function nodesWithAddress(lab: Lab, nodes: Iterable<readonly [string, string | undefined]>): NodeAddresses {
  const range = ipRange(lab.settings.nodeIpRange)
  return new Map([...nodes].flatMap(([name, ip = '']) => (range?.includes(ip) === true ? [[name, ip]] : [])))
}

/**
 * Writes the collector's configuration for these nodes. `otelcol validate` checks it first: an invalid file ends a running collector at
 * its reload. Returns the file's digest.
 *
 * Throws a LabError with the error of `otelcol validate`; the old file stays.
 */
export async function writeCollectorConfig(lab: Lab, nodes: NodeAddresses): Promise<string> {
  const rendered = await renderConfig(lab, nodes)
  const path = configPath(lab)
  const digest = digestOf(rendered)
  if (existsSync(path) && readFileSync(path, 'utf8') === rendered) return digest
  // Task and watcher may write at the same time, so each has its own candidate.
  const candidate = join(dirname(path), `otelcol.${process.pid}.yaml`)
  try {
    writeFileAtomically(candidate, rendered)
    await inRuntime(lab, collector).validate(lab, candidate)
    renameSync(candidate, path)
    return digest
  } finally {
    rmSync(candidate, { force: true })
  }
}

/** Makes the collector run with one receiver for each of these nodes. Returns whether it was started. */
export async function ensureCollector(
  lab: Lab,
  services: Pick<LabServices, 'ensure' | 'signal'>,
  nodes: NodeAddresses,
): Promise<boolean> {
  const written = await writeCollectorConfig(lab, nodes)
  // Not the digest of the present file: the watcher may have rewritten it after the collector read it.
  const remember = () => writeFileAtomically(loadedDigestPath(lab), written)
  let isStarted = false
  try {
    isStarted = await services.ensure(collector)
  } catch (error) {
    // One that does not answer in time has read this file: a reload would make it list the cluster again.
    remember()
    throw error
  }
  if (isStarted) remember()
  await reloadCollector(lab, services)
  return isStarted
}

async function renderConfig(lab: Lab, nodes: NodeAddresses): Promise<string> {
  const { metricsUrl } = addressesOf(lab)
  const base = readFileSync(join(projectDir, 'kwok-config', 'kwok-otel-collector.yaml'), 'utf8')
  return collectorConfig(base, {
    clusterName: lab.settings.clusterName,
    hostName: hostname(),
    intervalMs: lab.settings.collectionInterval,
    measuresCluster: hasOtelMetrics(lab),
    nodes,
    metricsUrl,
    ...(await inRuntime(lab, collector).config(lab)),
  })
}

async function validateInContainer(lab: Lab, file: string): Promise<void> {
  giveToContainers(file)
  writeContainerKubeconfig(lab, 'collector')
  const args = [
    'run',
    '--rm',
    '--pull=never',
    '--network=none',
    `--user=${await containerUser()}`,
    '--read-only',
    ...labLabels(lab).map(label => `--label=${label}`),
    `--env=KUBECONFIG=${insideDir}/kubeconfig.yaml`,
    `--mount=type=bind,source=${dirname(file)},target=${insideDir},readonly`,
    `--mount=type=tmpfs,target=${HOST_ROOT}`,
    imageOf(lab, 'otelcol'),
    'validate',
    `--config=${insideDir}/${basename(file)}`,
  ]
  await docker(args, { timeoutMs: 60_000 })
}

/** Whether the collector's image has the receiver for events: the official one has, one that is built from the Go pins has not. */
async function readsEvents(lab: Lab): Promise<boolean> {
  const known = join(lab.configDir, 'otelcol.components')
  if (!existsSync(known)) {
    const run = ['run', '--rm', '--pull=never', '--network=none', '--read-only']
    const { stdout } = await docker([...run, imageOf(lab, 'otelcol'), 'components'], { timeoutMs: 60_000 })
    writeFileAtomically(known, stdout)
  }
  return /^\s*- name: k8s_events$/m.test(readFileSync(known, 'utf8'))
}

/**
 * Reloads a running collector unless it has loaded the present configuration; its pipelines restart within two seconds. Returns
 * `reloaded`, `current` when it has that configuration, or `not running`. It may be starting then: the signal ends a collector that does
 * not listen yet. It also ends one that cannot deliver its own metrics meanwhile, so it is `not running` without Prometheus too.
 */
export async function reloadCollector(
  lab: Lab,
  services: Pick<LabServices, 'signal'>,
): Promise<'reloaded' | 'current' | 'not running'> {
  const loaded = existsSync(loadedDigestPath(lab)) ? readFileSync(loadedDigestPath(lab), 'utf8') : ''
  const current = digestOf(readFileSync(configPath(lab)))
  if (loaded === current) return 'current'
  const isReady =
    (await acceptsConnections(lab.settings.prometheusPort)) && (await inRuntime(lab, collector).isListening(lab))
  if (!isReady || !(await services.signal(collector, 'SIGHUP'))) return 'not running'
  writeFileAtomically(loadedDigestPath(lab), current)
  return 'reloaded'
}

/** The file to which the watcher writes its pid after it has listed the nodes. */
export function watchReadyPath(lab: Lab): string {
  return join(lab.configDir, 'collector-watch.ready')
}

/** The file with the digest of the configuration that the collector has loaded. An older digest costs a reload, a newer one a node. */
function loadedDigestPath(lab: Lab): string {
  return join(lab.configDir, 'otelcol.taken')
}

function digestOf(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The collector's configuration file. */
export function configPath(lab: Lab): string {
  return inRuntime(lab, collector).configPath(lab)
}

function collectorEnv(lab: Lab): Record<string, string> {
  return { KUBECONFIG: kubeconfigPath(lab, 'collector') }
}
