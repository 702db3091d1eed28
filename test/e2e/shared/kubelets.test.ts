/** The kubelets of the shared lab at the nodes' own addresses: through the API server, and through the CONNECT port. */
import assert from 'node:assert/strict'
import { fields } from '../../../lib/kube/json.ts'
import type { Summary } from '../../../lib/kubelet/endpoints/stats-summary.ts'
import { getKubelet, getNodeExporter, nodeAddresses, openTunnel, tokenOf } from '../../support/kubelets.ts'
import { assertSameWords, assertSays, waitFor } from '../../support/lab.ts'
import { nodeNames, openSharedLab, type SharedLab } from '../../support/shared-lab.ts'
import { kubeletUrl } from '../../support/stats-proxy.ts'
import { suite } from '../../support/suite.ts'

const kubelets = suite<SharedLab>('kubelets')
kubelets.before(async context => {
  Object.assign(context, await openSharedLab())
})

/** Each right alone, and the paths that it opens. */
const rights: Readonly<Record<string, readonly string[]>> = {
  'nodes/stats': ['/stats/summary'],
  'nodes/metrics': ['/metrics', '/metrics/cadvisor', '/metrics/resource', '/metrics/probes', '/metrics/slis'],
  'nodes/pods': ['/pods', '/runningpods/'],
  'nodes/healthz': ['/healthz'],
  'nodes/configz': ['/configz'],
  'nodes/proxy': ['/pods', '/runningpods/', '/healthz', '/configz'],
  nodes: [],
}
const paths = [...new Set(Object.values(rights).flat())]

kubelets('every node has an address of its own in the range', async ({ lab }) => {
  const addresses = await nodeAddresses(lab)
  assertSameWords([...addresses.keys()], nodeNames)
  assert.equal(new Set(addresses.values()).size, nodeNames.length)
  for (const address of addresses.values()) assertSays(address, /^198\.18\.\d+\.\d+$/)
})

kubelets('the API server’s node proxy reaches the kubelet of each node', async ({ lab }) => {
  for (const [at, node] of nodeNames.entries()) {
    const path = `/api/v1/nodes/${node}/proxy/stats/summary`
    const answer = at === 0 ? JSON.parse(await lab.kubectl(['get', '--raw', path])) : await lab.get(path)
    assert.equal((answer as Summary).node.nodeName, node)
  }
})

kubelets('kubectl logs shows the start of a container', async ({ lab }) => {
  const pod = (await lab.kubectl(['-n', 'team-a', 'get', 'pods', '-o', 'name'])).split('\n')[0] ?? ''
  assertSays(await lab.kubectl(['-n', 'team-a', 'logs', pod, '-c', 'app']), /starting container=app/)
})

kubelets(
  'port 9100 of each node has its node exporter, through the CONNECT port and the API server',
  async ({ lab }) => {
    for (const [node, address] of await nodeAddresses(lab)) {
      const nodename = new RegExp(`^node_uname_info\\{.*nodename="${node}"`, 'm')
      assertSays(await getNodeExporter(lab, address), nodename)
      assertSays(String(await lab.get(`/api/v1/nodes/${node}:9100/proxy/metrics`)), nodename)
    }
  },
)

kubelets('each right opens its own paths of a kubelet and no others', async ({ lab }) => {
  const [[, address = ''] = []] = await nodeAddresses(lab)
  assert.equal((await getKubelet(lab, address, { path: '/stats/summary' })).status, 401)
  assert.equal((await getKubelet(lab, address, { path: '/stats/summary', token: 'none' })).status, 401)
  const accounts = Object.keys(rights).map((resource, at) => ({ resource, name: `kubelet-right-${at}` }))
  const manifests = accounts.flatMap(({ resource, name }) => objectsFor(name, resource))
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests })
  await lab.kubectl(['apply', '-f', '-'], list)
  try {
    // A kubelet would remember for half a minute that the API server did not know a right yet.
    await waitFor('the rights of all', async () => {
      for (const { resource: whole, name } of accounts) {
        const [resource, subresource = ''] = whole.split('/')
        const user = `system:serviceaccount:kube-otel-lab:${name}`
        const spec = { user, resourceAttributes: { verb: 'get', resource, subresource } }
        const { status } = fields(await lab.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec }))
        assert.equal(fields(status)['allowed'], true, `${name} may not get ${whole}`)
      }
    })
    for (const { resource, name } of accounts) {
      const token = await tokenOf(lab, name)
      for (const path of paths) {
        const { status } = await getKubelet(lab, address, { path, token })
        assert.equal(status, rights[resource]?.includes(path) === true ? 200 : 403, `${path} with ${resource}`)
      }
    }
  } finally {
    await lab.kubectl(['delete', '--wait=false', '-f', '-'], list)
  }
})

kubelets('each way to a kubelet gives the same counters at the same moment', async ({ lab }) => {
  const [tokenOfMetrics, tokenOfStats] = await Promise.all(
    ['prometheus', 'collector'].map(account => tokenOf(lab, account)),
  )
  const path = '/metrics/resource'
  for (const [node, address] of await nodeAddresses(lab)) {
    const plain = async () => cpuCounters(await (await fetch(kubeletUrl(lab, `/nodes/${node}${path}`))).text())
    const proxied = async (to: string) => await lab.get(`/api/v1/nodes/${node}/proxy${to}`)
    const before = await plain()
    const ways = [
      cpuCounters((await getKubelet(lab, address, { path, token: tokenOfMetrics })).body),
      cpuCounters(String(await proxied(path))),
      summaryCounters(
        JSON.parse((await getKubelet(lab, address, { path: '/stats/summary', token: tokenOfStats })).body),
      ),
      summaryCounters(await proxied('/stats/summary')),
      summaryCounters(await (await fetch(kubeletUrl(lab, `/nodes/${node}/stats/summary`))).json()),
    ]
    const after = await plain()
    const series = [...before.keys()].filter(key => after.has(key))
    assert(series.length > 2, series.join())
    for (const [at, way] of ways.entries()) {
      for (const key of series) {
        const [low = 0, value = Number.NaN, high = 0] = [before, way, after].map(each => each.get(key))
        // Nanoseconds in the summary, seconds in the metrics.
        assert(low - 1e-6 <= value && value <= high + 1e-6, `${node}, way ${at}, ${key}: ${low} ${value} ${high}`)
      }
    }
  }
})

kubelets('the collector has the rights to its two paths only', async ({ lab }) => {
  const [[, address = ''] = []] = await nodeAddresses(lab)
  const token = (await lab.kubectl(['-n', 'kube-otel-lab', 'create', 'token', 'collector'])).trim()
  const statuses = await Promise.all(
    [...paths, '/logs/'].map(async path => [path, (await getKubelet(lab, address, { path, token })).status]),
  )
  const allowed = statuses.filter(([, status]) => status === 200).map(([path]) => path)
  assert.deepEqual(allowed, ['/stats/summary', '/pods', '/runningpods/'])
})

kubelets('the CONNECT port leads to nodes only', async ({ lab }) => {
  const [[, address = ''] = []] = await nodeAddresses(lab)
  const apiServer = new URL(await lab.kubectl(['config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'])).host
  for (const [to, expected] of [
    [`${address}:10250`, 200],
    // No node has it.
    ['198.18.0.0:10250', 502],
    [`${address}:9100`, 200],
    ['198.18.0.0:9100', 502],
    [`${address}:22`, 403],
    [apiServer, 403],
    [`127.0.0.1:${lab.ports.metricsServerPort}`, 403],
    ['93.184.216.34:443', 403],
  ] as const) {
    const { status, socket } = await openTunnel(lab, to)
    socket.destroy()
    assert.equal(status, expected, to)
  }
})

kubelets.run()

/** The CPU seconds of a kubelet's metrics/resource: of the node as `node`, of a pod as `<namespace>/<name>`. */
function cpuCounters(metrics: string): Map<string, number> {
  const found = metrics.matchAll(
    /^(?:node|pod)_cpu_usage_seconds_total(?:\{namespace="([^"]+)",pod="([^"]+)"\})? (\S+) \d+$/gm,
  )
  return new Map([...found].map(([, namespace, pod, value]) => [pod ? `${namespace}/${pod}` : 'node', Number(value)]))
}

/** The same counters of a summary. */
function summaryCounters(summary: unknown): Map<string, number> {
  const { node, pods } = summary as Summary
  const seconds = (cpu: { usageCoreNanoSeconds: number } | undefined) => (cpu?.usageCoreNanoSeconds ?? Number.NaN) / 1e9
  return new Map([
    ['node', seconds(node.cpu)],
    ...pods.map(({ podRef, cpu }) => [`${podRef.namespace}/${podRef.name}`, seconds(cpu)] as const),
  ])
}

/** A service account with one right, to read. */
function objectsFor(name: string, resource: string): unknown[] {
  const metadata = { name, namespace: 'kube-otel-lab' }
  const group = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [{ apiGroups: [''], resources: [resource], verbs: ['get'] }],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ]
}
