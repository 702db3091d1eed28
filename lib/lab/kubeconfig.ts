import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { ApiStatusError, connect, type KubeClient } from '../kube/api-client.ts'
import { type Credentials, loadCredentials } from '../kube/credentials.ts'
import { fields, items, text } from '../kube/json.ts'
import { addressesOf } from './addresses.ts'
import { applyManifests } from './kubectl.ts'
import { apiServer } from './kubectl-context.ts'
import { type Lab, labCommand, projectDir, writeFileAtomically } from './lab.ts'
import { hasPrometheusMetrics } from './metrics-dialects.ts'
import { runtimeOf } from './runtime.ts'

/** The programs that read the cluster, each with its own service account (`kwok-config/rbac.yaml`). */
export const readers = [
  'collector',
  'kubelet-gateway',
  'stats-proxy',
  'prometheus',
  'metrics-server',
  'traces',
  'page',
] as const
export type Reader = (typeof readers)[number] | 'kube-state-metrics' | 'scenarios'

/** The readers of a lab: kube-state-metrics only when METRICS requires it. */
export function readersOf(lab: Lab): readonly Reader[] {
  return hasPrometheusMetrics(lab) ? [...readers, 'kube-state-metrics'] : readers
}

/** The rights that METRICS=prometheus and METRICS=both add: those of kube-state-metrics, and more of Prometheus. */
export const kubePrometheusRights = join(projectDir, 'kwok-config', 'rbac-kube-prometheus.yaml')

/** The namespace of the lab's own service accounts. */
export const labNamespace = 'kube-otel-lab'

/** Ten years, longer than a lab lives. */
const TOKEN_SECONDS = 10 * 365 * 86_400

/** Longer than a scenario lasts. Each command that starts or ends scenarios gets a new token. */
const SCENARIO_TOKEN_SECONDS = 25 * 3_600

/** A kubeconfig with a service account's token and the CA of the server, as YAML. `tls` is how a user's own kubeconfig checks the server. */
export function kubeconfigText(options: {
  context: string
  server: string
  caPem: string | undefined
  user: string
  token: string
  tls?: Pick<Credentials['tls'], 'servername' | 'rejectUnauthorized'>
}): string {
  const { context, server, caPem, user, token, tls } = options
  const cluster = {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
    ...(tls?.servername === undefined ? {} : { 'tls-server-name': tls.servername }),
    ...(tls?.rejectUnauthorized === false ? { 'insecure-skip-tls-verify': true } : {}),
  }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: context, cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: context, context: { cluster: context, user } }],
    'current-context': context,
  })
}

/** The path of a reader's kubeconfig. */
export function kubeconfigPath(lab: Lab, reader: Reader): string {
  return join(lab.kubeconfigDir, `${reader}.yaml`)
}

/**
 * The path of a reader's kubeconfig for use inside a container. In the Docker runtime its server is the API server's container. In the
 * binary runtime there is one for the user's own collector container, with the server `host.docker.internal`.
 */
export function containerKubeconfigPath(lab: Lab, reader: Reader = 'collector'): string {
  return join(lab.kubeconfigDir, `${reader}-container.yaml`)
}

/** The readers that have a kubeconfig for containers. The page never runs in one. */
export function containerReaders(lab: Lab): readonly Reader[] {
  return containerAccess(lab).readers
}

/** The readers in containers, the manifests with their additional rights, and their URL of the API server, which is in its certificate. */
function containerAccess(lab: Lab): { readers: readonly Reader[]; rights: string[]; server: () => string } {
  // The runtime decides which readers run in containers, and on which network.
  if (runtimeOf(lab) === 'docker') {
    return {
      readers: readersOf(lab).filter(reader => reader !== 'page'),
      rights: ['rbac-events.yaml'],
      server: () => `https://${addressesOf(lab).component('kube-apiserver')}`,
    }
  }
  const server = () => `https://host.docker.internal:${new URL(apiServer(lab)).port}`
  return { readers: ['collector'], rights: [], server }
}

/** The lab with a reader's rights in its cluster instead of the administrator's. */
export function asReader(lab: Lab, reader: Reader): Lab {
  return { ...lab, adminKubeconfig: kubeconfigPath(lab, reader) }
}

/** The file of Prometheus's token: its configuration names files for token and CA. */
export function prometheusTokenPath(lab: Lab): string {
  return join(lab.kubeconfigDir, 'prometheus.token')
}

export function caPath(lab: Lab): string {
  return join(lab.clusterDir, 'pki', 'ca.crt')
}

/** Creates service accounts, rights and kubeconfigs. Returns false when the files exist and the cluster accepts their tokens. */
export async function ensureKubeconfigs(lab: Lab): Promise<boolean> {
  const access = containerAccess(lab)
  const labReaders = readersOf(lab)
  const rights = ['rbac.yaml', ...access.rights].map(file => join(projectDir, 'kwok-config', file))
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const [accepted] = await Promise.all([
    acceptedReaders(lab, client),
    // The first file has the namespace of the others.
    applyManifests(lab, ...rights, ...(hasPrometheusMetrics(lab) ? [kubePrometheusRights] : [])),
  ])
  const others = [prometheusTokenPath(lab), ...access.readers.map(reader => containerKubeconfigPath(lab, reader))]
  if (labReaders.every(reader => accepted.has(reader)) && others.every(path => existsSync(path))) return false
  const server = apiServer(lab)
  const caPem = readFileSync(caPath(lab), 'utf8')
  await Promise.all(
    labReaders.map(async reader => {
      const { token } = await newToken(client, reader)
      const shared = { context: lab.context, caPem, user: reader, token }
      writeFileAtomically(kubeconfigPath(lab, reader), kubeconfigText({ ...shared, server }))
      if (reader === 'prometheus') writeFileAtomically(prometheusTokenPath(lab), token)
      if (access.readers.includes(reader)) {
        const text = kubeconfigText({ ...shared, server: access.server() })
        writeFileAtomically(containerKubeconfigPath(lab, reader), text)
      }
    }),
  )
  return true
}

/**
 * Writes a kubeconfig of the holder of scenarios for the lab inside the cluster of a context, with a token of a day: its service account and
 * its rights are in the chart. Server and CA are those of the user's kubeconfig. Returns when the token expires, in epoch milliseconds.
 *
 * Throws a LabError when the chart has no such service account yet, or the user may not create tokens.
 */
export async function writeContextKubeconfig(lab: Lab): Promise<number> {
  const { server, tls } = await loadCredentials({ context: lab.context })
  using client = await connect({ context: lab.context })
  const { token, expiresMs } = await newToken(client, 'scenarios', SCENARIO_TOKEN_SECONDS).catch((error: unknown) => {
    if (!(error instanceof ApiStatusError && error.status === 404)) throw error
    throw new LabError(`The cluster of context "${lab.context}" has no service account for scenarios`, {
      why: 'the lab was removed, or an older version of it is installed',
      next: `${labCommand(lab, 'in-cluster')}, with the same settings as before`,
    })
  })
  const text = kubeconfigText({ context: lab.context, server, caPem: tls.ca, tls, user: 'scenarios', token })
  writeFileAtomically(kubeconfigPath(lab, 'scenarios'), text)
  return expiresMs
}

/** Gives the holder of scenarios its rights, and a kubeconfig unless it has one that works. */
export async function ensureScenarioKubeconfig(lab: Lab): Promise<void> {
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const [isReady] = await Promise.all([
    isAccepted(lab, client, 'scenarios'),
    applyManifests(lab, join(projectDir, 'kwok-config', 'rbac-scenarios.yaml')),
  ])
  if (isReady) return
  const { token } = await newToken(client, 'scenarios')
  const given = { context: lab.context, server: apiServer(lab), caPem: readFileSync(caPath(lab), 'utf8') }
  writeFileAtomically(kubeconfigPath(lab, 'scenarios'), kubeconfigText({ ...given, user: 'scenarios', token }))
}

/** A token, and when it expires: an API server can have a shorter limit. */
async function newToken(client: KubeClient, reader: Reader, expirationSeconds = TOKEN_SECONDS) {
  const path = `/api/v1/namespaces/${labNamespace}/serviceaccounts/${reader}/token`
  const { token, expirationTimestamp } = await createObject(client, path, { expirationSeconds })
  return { token: text(token) ?? '', expiresMs: Date.parse(String(expirationTimestamp)) }
}

/** Creates an object with this spec, and returns the status of the response. */
async function createObject(client: KubeClient, path: string, spec: object): Promise<Record<string, unknown>> {
  const answer = await client.request('POST', path, { body: { spec } })
  if (answer.status >= 300) throw new ApiStatusError(`The API server refused POST ${path}`, answer)
  return fields(fields(answer.body)['status'])
}

/** The readers whose kubeconfig exists and whose token the cluster accepts. */
async function acceptedReaders(lab: Lab, client: KubeClient): Promise<ReadonlySet<Reader>> {
  const labReaders = readersOf(lab)
  const accepted = await Promise.all(labReaders.map(reader => isAccepted(lab, client, reader)))
  return new Set(labReaders.filter((_, at) => accepted[at]))
}

async function isAccepted(lab: Lab, client: KubeClient, reader: Reader): Promise<boolean> {
  const token = kubeconfigToken(kubeconfigPath(lab, reader))
  if (token === undefined) return false
  const { user } = await createObject(client, '/apis/authentication.k8s.io/v1/tokenreviews', { token })
  return fields(user)['username'] === `system:serviceaccount:${labNamespace}:${reader}`
}

function kubeconfigToken(path: string): string | undefined {
  const [user] = items(readKubeconfig(path)['users'])
  return text(fields(fields(user)['user'])['token'])
}

/** Address and CA of the server in a kubeconfig, as text; empty without the file. */
export function kubeconfigServer(path: string): string {
  return items(readKubeconfig(path)['clusters'])
    .map(each => stringify(each))
    .join('')
}

function readKubeconfig(path: string): Record<string, unknown> {
  return existsSync(path) ? fields(parse(readFileSync(path, 'utf8'))) : {}
}
