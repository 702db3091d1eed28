/** The collectors of the chart as processes, with a real API server. The kubelets are servers that write down who reads them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { fields, items, merged } from '../../../lib/kube/json.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { signCertificate } from '../../../lib/lab/lab-certificates.ts'
import { ensurePrograms } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { run } from '../../../lib/system/run.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { freePort } from '../../support/free-ports.ts'
import { waitFor } from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'
import { tempDir } from '../../support/temp-lab.ts'

const INTERVAL_MS = 1_000
const collectors = suite('the collectors of charts/kube-otel-lab')
const dir = tempDir()
const servers: Server[] = []
const children: ChildProcess[] = []
let api: ApiServer
/** `<collector> <node>` for each read of a kubelet, and `<collector> <metric>` for each metric that arrives. */
const seen = new Set<string>()

collectors.before(async () => {
  const programs = await ensurePrograms(['helm', 'otelcol'])
  api = await startApiServer()
  const kubeconfig = api.kubeconfig('admin-token')
  const configs = await renderedConfigs(programs.helm.path)
  const sink = await listen(
    createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const [, collector] = (request.url ?? '').split('/')
        for (const name of metricNames(Buffer.concat(chunks).toString())) seen.add(`${collector} ${name}`)
        response.setHeader('content-type', 'application/json').end('{}')
      })
    }),
  )
  for (const name of ['collector-0', 'collector-1', 'cluster-collector']) {
    const own = join(dir, name)
    mkdirSync(own)
    const { certificate, key } = await signCertificate({ name, groups: [], ...api.ca })
    const [base = '', index = ''] = [configs.get(name.replace(/-\d$/, '')), name.at(-1)]
    const here = base.replaceAll('/client/', `${own}/`).replace('0.0.0.0:4318', `127.0.0.1:${await freePort()}`)
    const filled = merged(parse(here), {
      exporters: {
        otlp_http: { endpoint: `http://127.0.0.1:${sink}/${name}`, encoding: 'json', compression: 'none' },
      },
      service: { telemetry: { metrics: { level: 'none', readers: [] } } },
    })
    const files = { 'ca.crt': api.ca.caPem, 'tls.crt': certificate, 'tls.key': key, 'otelcol.yaml': stringify(filled) }
    for (const [file, text] of Object.entries(files)) writeFileSync(join(own, file), text)
    const child = spawn(programs.otelcol.path, [`--config=${join(own, 'otelcol.yaml')}`], {
      env: { KUBECONFIG: kubeconfig, POD_INDEX: index },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    process.once('exit', () => child.kill('SIGKILL'))
    children.push(child)
  }
})
collectors.after(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of servers) server.close().closeAllConnections()
  await api?.stop()
})

collectors(
  'read the kubelets of the stats proxy of their number, with certificates, and another the objects',
  async () => {
    await simulatedNode('sim-a', 0)
    await simulatedNode('sim-b', 1)
    await waitFor('reads and objects', () => {
      for (const [collector, node] of [
        ['collector-0', 'sim-a'],
        ['collector-1', 'sim-b'],
      ]) {
        assert(seen.has(`${collector} ${node}`), `${collector} does not read ${node}`)
        assert(seen.has(`${collector} k8s.node.cpu.time`), `no metrics of ${collector}`)
      }
      assert(seen.has('cluster-collector k8s.node.condition_ready'), 'no objects')
    })
    const wrong = ['collector-1 sim-a', 'collector-0 sim-b', 'collector-0 k8s.node.condition_ready']
    assert(!wrong.some(each => seen.has(each)), [...seen].join())
  },
)

collectors('follow a node that another stats proxy serves, and leave one that is deleted', async () => {
  await setStatus('sim-a', 1, ports.get('sim-a') ?? 0)
  await waitFor('read by the other', () => assert(seen.has('collector-1 sim-a'), 'not read'))
  await quiet('collector-0 sim-a')
  await api.client.request('DELETE', '/api/v1/nodes/sim-a')
  await quiet('collector-1 sim-a')
})
collectors.run()

/** Waits until something that was seen is not seen for three intervals. */
async function quiet(what: string): Promise<void> {
  await waitFor(`end of ${what}`, async () => {
    seen.delete(what)
    await new Promise(resolve => setTimeout(resolve, 3 * INTERVAL_MS))
    assert(!seen.has(what), `still ${what}`)
  })
}

/** The configurations of the chart by name, for processes beside the API server: the nodes have addresses and no names. */
async function renderedConfigs(helm: string): Promise<Map<string, string>> {
  const sets = { shards: 2, events: false, collectionIntervalMs: INTERVAL_MS }
  const args = Object.entries(sets).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const chart = join(projectDir, 'charts', 'kube-otel-lab')
  const { stdout } = await run(helm, [
    ...['template', 'lab', chart, '-n', 'default', '--kube-version', versions.kubernetes],
    ...args,
  ])
  const local = (text: string) =>
    text.replaceAll('serviceAccount', 'kubeConfig').replace('https://`internal_dns`', 'https://`internal_ip`')
  return new Map(
    parseAllDocuments(stdout)
      .map(document => fields(document.toJS()))
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata, data }) => [String(fields(metadata)['name']), local(String(fields(data)['otelcol.yaml']))]),
  )
}

const ports = new Map<string, number>()

/** A node with a kubelet that has a certificate of the CA and asks for one. */
async function simulatedNode(name: string, shard: number): Promise<void> {
  const { certificate: cert, key } = await signCertificate({ name, hosts: ['127.0.0.1'], ...api.ca })
  const time = new Date().toISOString()
  const cpu = { time, usageNanoCores: 1, usageCoreNanoSeconds: 1 }
  const kubelet = createTlsServer({ cert, key, ca: api.ca.caPem, requestCert: true }, (request, response) => {
    seen.add(`${(request.socket as TLSSocket).getPeerCertificate().subject.CN} ${name}`)
    const isSummary = request.url === '/stats/summary'
    response.end(
      JSON.stringify(isSummary ? { node: { nodeName: name, startTime: time, cpu }, pods: [] } : { items: [] }),
    )
  })
  ports.set(name, await listen(kubelet))
  await api.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  await setStatus(name, shard, ports.get(name) ?? 0)
}

async function setStatus(name: string, shard: number, port: number): Promise<void> {
  const addresses = [
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'InternalDNS', address: `stats-proxy-${shard}.stats-proxy.default.svc` },
  ]
  const conditions = [{ type: 'Ready', status: 'True' }]
  const body = { status: { addresses, conditions, daemonEndpoints: { kubeletEndpoint: { Port: port } } } }
  const options = { body, contentType: 'application/merge-patch+json' }
  const answer = await api.client.request('PATCH', `/api/v1/nodes/${name}/status`, options)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function metricNames(body: string): string[] {
  return items(fields(JSON.parse(body))['resourceMetrics'])
    .flatMap(resource => items(fields(resource)['scopeMetrics']))
    .flatMap(scope => items(fields(scope)['metrics']))
    .map(metric => String(fields(metric)['name']))
}
