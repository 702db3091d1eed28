import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { ApiStatusError, connect, type KubeClient } from '../kube/api-client.ts'
import { fields, items, text } from '../kube/json.ts'
import { addressesOf } from './addresses.ts'
import { applyManifests } from './kubectl.ts'
import { apiServer } from './kubectl-context.ts'
import { type Lab, projectDir, writeFileAtomically } from './lab.ts'
import { runtimeOf } from './runtime.ts'

/** The programs that read the cluster, each by a service account of its own (`kwok-config/rbac.yaml`). */
export const readers = ['collector', 'stats-proxy', 'prometheus', 'metrics-server', 'traces', 'page'] as const
export type Reader = (typeof readers)[number]

/** The namespace of the lab's own service accounts. */
export const labNamespace = 'kube-otel-lab'

/** Ten years, longer than a lab lives. */
const TOKEN_SECONDS = 10 * 365 * 86_400

/** A kubeconfig that holds one service account's token and the CA to check the server with, as YAML. */
export function kubeconfigText(options: {
  context: string
  server: string
  caPem: string
  user: string
  token: string
}): string {
  const { context, server, caPem, user, token } = options
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: context, cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: context, context: { cluster: context, user } }],
    'current-context': context,
  })
}

/** Where a reader's kubeconfig is. */
export function kubeconfigPath(lab: Lab, reader: Reader): string {
  return join(lab.kubeconfigDir, `${reader}.yaml`)
}

/**
 * A reader's kubeconfig for use inside a container. In the Docker runtime it names the API server as the lab's network does; in
 * the binary runtime there is one for a collector of the user's own, which reaches this machine as `host.docker.internal`.
 */
export function containerKubeconfigPath(lab: Lab, reader: Reader = 'collector'): string {
  return join(lab.kubeconfigDir, `${reader}-container.yaml`)
}

/** The readers that there is a kubeconfig for containers of: the page is never in one. */
export function containerReaders(lab: Lab): readonly Reader[] {
  return containerAccess(lab).readers
}

/** The programs that reach the API server from a container: with which rights beside those of all labs, and at which URL. */
function containerAccess(lab: Lab): { readers: readonly Reader[]; rights: string[]; server: () => string } {
  // Which programs run in containers, and on which network, is the runtime itself.
  if (runtimeOf(lab) === 'docker') {
    return {
      readers: readers.filter(reader => reader !== 'page'),
      rights: ['rbac-events.yaml'],
      server: () => `https://${addressesOf(lab).component('kube-apiserver')}`,
    }
  }
  const server = () => `https://host.docker.internal:${new URL(apiServer(lab)).port}`
  return { readers: ['collector'], rights: [], server }
}

/** The lab as a long-running service of it sees its cluster: with the reader's rights in place of the administrator's. */
export function asReader(lab: Lab, reader: Reader): Lab {
  return { ...lab, adminKubeconfig: kubeconfigPath(lab, reader) }
}

/** Prometheus reads its token and the CA from files of their own. */
export function prometheusTokenPath(lab: Lab): string {
  return join(lab.kubeconfigDir, 'prometheus.token')
}

export function caPath(lab: Lab): string {
  return join(lab.clusterDir, 'pki', 'ca.crt')
}

/** Makes service accounts, rights and kubeconfigs; returns false when the files are there and the cluster accepts them. */
export async function ensureKubeconfigs(lab: Lab): Promise<boolean> {
  const access = containerAccess(lab)
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  const [accepted] = await Promise.all([
    acceptedReaders(lab, client),
    ...['rbac.yaml', ...access.rights].map(file => applyManifests(lab, join(projectDir, 'kwok-config', file))),
  ])
  const others = [prometheusTokenPath(lab), ...access.readers.map(reader => containerKubeconfigPath(lab, reader))]
  if (readers.every(reader => accepted.has(reader)) && others.every(path => existsSync(path))) return false
  const server = apiServer(lab)
  const caPem = readFileSync(caPath(lab), 'utf8')
  await Promise.all(
    readers.map(async reader => {
      const path = `/api/v1/namespaces/${labNamespace}/serviceaccounts/${reader}/token`
      const token = text((await createObject(client, path, { expirationSeconds: TOKEN_SECONDS }))['token']) ?? ''
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

/** Creates an object of this spec, and gives the status that the API server answers with. */
async function createObject(client: KubeClient, path: string, spec: object): Promise<Record<string, unknown>> {
  const answer = await client.request('POST', path, { body: { spec } })
  if (answer.status >= 300) throw new ApiStatusError(`The API server refused POST ${path}`, answer)
  return fields(fields(answer.body)['status'])
}

/** The readers whose kubeconfig is there, and whose token the cluster takes for theirs. */
async function acceptedReaders(lab: Lab, client: KubeClient): Promise<ReadonlySet<Reader>> {
  const accepted = await Promise.all(
    readers.map(async reader => {
      const token = kubeconfigToken(kubeconfigPath(lab, reader))
      if (token === undefined) return false
      const { user } = await createObject(client, '/apis/authentication.k8s.io/v1/tokenreviews', { token })
      return fields(user)['username'] === `system:serviceaccount:${labNamespace}:${reader}`
    }),
  )
  return new Set(readers.filter((_, at) => accepted[at]))
}

function kubeconfigToken(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const [user] = items(fields(parse(readFileSync(path, 'utf8')))['users'])
  return text(fields(fields(user)['user'])['token'])
}
