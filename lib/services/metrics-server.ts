import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { goDuration, makeCommand } from '../cli/settings.ts'
import { fields, items, merged } from '../kube/json.ts'
import { addressesOf } from '../lab/addresses.ts'
import { caPath, labNamespace } from '../lab/kubeconfig.ts'
import { applyManifests, getCollection, getPath } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { ensureServingCertificate } from '../lab/lab-certificates.ts'
import { acceptsConnections } from '../system/ports.ts'
import { probe } from '../system/probe.ts'
import { waitUntil } from '../system/wait.ts'
import { yamlText } from '../system/yaml-files.ts'
import { defineService } from './define-service.ts'
import { kubeletProxyEnv } from './kubelet-gateway.ts'

const API_SERVICE = 'v1beta1.metrics.k8s.io'

/** The host names of its certificate: the API server's for the Service, and this machine's. */
export const metricsServerHosts = [`metrics-server.${labNamespace}.svc`, 'localhost', '127.0.0.1'] as const

/**
 * Its scrape interval. It refuses less than 10 s (sigs.k8s.io/metrics-server v0.9.0, cmd/metrics-server/app/options). `make kwok` waits for
 * two scrapes.
 */
export function resolutionMs(intervalMs: number): number {
  return Math.max(10_000, intervalMs)
}

/** It refuses more than nine tenths of its scrape interval. The default is 10 s. */
const KUBELET_TIMEOUT = '9s'

/**
 * metrics-server. It scrapes each node's kubelet at the node's address through the gateway, so that `kubectl top` and the collector's
 * metrics are the same numbers.
 *
 * It serves with a certificate of its own, and accepts a client certificate of the cluster's CA or a token that the API server verifies.
 */
export const metricsServer = defineService({
  name: 'metrics-server',
  ports: ['metricsServerPort'],
  published: [],
  // Its `/readyz` waits for the first numbers.
  ready: lab => acceptsConnections(lab.settings.metricsServerPort),
  probe: lab => probe({ url: `https://127.0.0.1:${lab.settings.metricsServerPort}/readyz`, caFile: caPath(lab) }),
  async run(lab, place) {
    const { certificateFile, keyFile } = await ensureServingCertificate(lab, 'metrics-server', metricsServerHosts)
    const kubeconfig = place.kubeconfig('metrics-server')
    return {
      args: [
        `--kubeconfig=${kubeconfig}`,
        `--authentication-kubeconfig=${kubeconfig}`,
        `--authorization-kubeconfig=${kubeconfig}`,
        `--bind-address=${place.host}`,
        `--secure-port=${place.port('metricsServerPort')}`,
        `--tls-cert-file=${place.file(certificateFile, 'serving.crt')}`,
        `--tls-private-key-file=${place.file(keyFile, 'serving.key')}`,
        '--kubelet-preferred-address-types=InternalIP',
        '--kubelet-use-node-status-port',
        `--kubelet-certificate-authority=${place.file(caPath(lab))}`,
        `--kubelet-request-timeout=${KUBELET_TIMEOUT}`,
        `--metric-resolution=${goDuration(resolutionMs(lab.settings.collectionInterval))}`,
      ],
      env: kubeletProxyEnv(lab),
      contents: readFileSync(certificateFile, 'utf8'),
    }
  },
})

/** The objects of kwok-config/metrics-server.yaml with the lab's address and CA, as one YAML text. */
export function metricsServerManifests(base: string, given: { host: string; port: number; caPem: string }): string {
  const { host, port } = given
  const caBundle = Buffer.from(given.caPem).toString('base64')
  const objects = parseAllDocuments(base).map(document => {
    const object = fields(document.toJS())
    if (object['kind'] === 'APIService') return merged(object, { spec: { service: { port }, caBundle } })
    if (object['kind'] !== 'Service') return object
    const ports = items(fields(object['spec'])['ports']).map(each => merged(each, { port }))
    return merged(object, { spec: { externalName: host, ports } })
  })
  return yamlText(objects)
}

/** Applies the rights of metrics-server, and registers it as the API `metrics.k8s.io`. */
export async function registerMetricsServer(lab: Lab): Promise<void> {
  const base = readFileSync(join(projectDir, 'kwok-config', 'metrics-server.yaml'), 'utf8')
  const path = join(lab.configDir, 'metrics-server.yaml')
  const caPem = readFileSync(caPath(lab), 'utf8')
  const [host = '', port] = addressesOf(lab).metricsServer.split(':')
  // The field takes a DNS name only.
  const name = host === '127.0.0.1' ? 'localhost' : host
  writeFileAtomically(path, metricsServerManifests(base, { host: name, port: Number(port), caPem }))
  await applyManifests(lab, path)
}

/** Waits until the API server reaches it. Throws a LabError with the API server's last message after a minute. */
export async function waitUntilRegistered(lab: Lab): Promise<void> {
  let message = ''
  await waitUntil<void>({
    what: 'the API server to reach metrics-server',
    timeoutMs: 60_000,
    everyMs: 500,
    check: async () => {
      const { status } = await getPath(lab, `/apis/apiregistration.k8s.io/v1/apiservices/${API_SERVICE}`)
      const conditions = items(fields(status)['conditions']).map(fields)
      const condition = fields(conditions.find(({ type }) => type === 'Available'))
      message = String(condition['message'])
      return condition['status'] === 'True' ? { done: undefined } : { pending: message }
    },
    next: () =>
      message.includes('certificate is valid for')
        ? `the cluster's certificate is out of date: ${makeCommand('kwok-down', lab.settings.clusterName)}, then make kwok`
        : `read ${join(lab.logsDir, 'metrics-server.log')}`,
  })
}

/** The nodes without metrics in `kubectl top nodes`. Throws a LabError when it fails. */
async function nodesWithoutUsage(lab: Lab, nodes: ReadonlySet<string>): Promise<string[]> {
  const measured = await getCollection(lab, '/apis/metrics.k8s.io/v1beta1/nodes')
  const names = new Set(measured.map(({ metadata }) => fields(metadata)['name']))
  return [...nodes].filter(node => !names.has(node))
}

/**
 * Waits until metrics-server has metrics of these nodes: it needs two scrapes for a rate.
 *
 * Throws a LabError that names the first node without metrics.
 */
export async function waitUntilTopAnswers(lab: Lab, nodes: ReadonlySet<string>): Promise<void> {
  await waitUntil<void>({
    what: 'kubectl top to answer for every node',
    timeoutMs: 30_000 + 4 * resolutionMs(lab.settings.collectionInterval),
    everyMs: 1_000,
    check: async () => {
      const missing = await nodesWithoutUsage(lab, nodes)
      if (missing.length === 0) return { done: undefined }
      return { pending: `no answer for ${missing.length} of ${nodes.size} nodes, the first is ${missing[0]}` }
    },
    progress: 'kubectl top',
    next: `${makeCommand('kwok-status', lab.settings.clusterName)}, and read ${join(lab.logsDir, 'metrics-server.log')}`,
  })
}
