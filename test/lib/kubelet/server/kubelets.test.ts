import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { suite } from 'uvu'
import { parseAllDocuments } from 'yaml'
import { fields, items } from '../../../../lib/kube/json.ts'
import { caPath } from '../../../../lib/lab/kubeconfig.ts'
import { ensureKubeletCa } from '../../../../lib/lab/kubelet-ca.ts'
import { daemonCommand } from '../../../../lib/services/daemon-bundle.ts'
import { waitUntil } from '../../../../lib/system/wait.ts'
import { type ApiServer, startApiServer } from '../../../support/api-server.ts'
import { tempDir, tempLab } from '../../../support/temp-lab.ts'
import { signClientCertificate, testCa } from '../../kube/ca.ts'
import { ask, dial, tunnel } from './kubelet-client.ts'

/** The stats proxy's own process, against a real API server. */
const bundle = await daemonCommand('stats-proxy', join('lib', 'kubelet', 'stats-proxy-process.ts'), { args: [] })
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const LONG = `${'a'.repeat(80)}.${'b'.repeat(63)}.example`

let api: ApiServer
let flags: string[] = []
let proxy: { child: ChildProcess; log: () => string; url: string }
const dir = tempDir()
const socket = join(dir, 'sockets', 'kubelets.sock')
const lab = tempLab()

const node = (name: string, status: unknown = {}) => ({ metadata: { name }, status })
const pod = (nodeName: string) => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { nodeName, containers: [{ name: 'app', image: 'app' }] },
})

async function startProxy(): Promise<typeof proxy> {
  const child = spawn(bundle.command, [...bundle.args, ...flags])
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  await waitUntil({
    what: 'the stats proxy',
    timeoutMs: 60_000,
    everyMs: 50,
    check: async () => (log.includes('ready: ') ? { done: true } : { pending: log }),
  })
  return { child, log: () => log, url: /listening on (\S+)/.exec(log)?.[1] ?? '' }
}

async function stopProxy(signal: NodeJS.Signals): Promise<void> {
  proxy.child.kill(signal)
  await once(proxy.child, 'close')
}

async function addressesOf(name: string): Promise<string[]> {
  const { body } = await api.client.request('GET', `/api/v1/nodes/${name}`)
  const status = fields(fields(body).status)
  const port = fields(fields(status.daemonEndpoints).kubeletEndpoint).Port
  return [
    ...items(status.addresses)
      .map(fields)
      .map(each => `${each.type} ${each.address}`),
    `port ${port}`,
  ]
}

/** Its InternalIP, as soon as the stats proxy has written it. */
async function addressOf(name: string): Promise<string> {
  return await waitUntil({
    what: `the address of ${name}`,
    timeoutMs: 60_000,
    everyMs: 50,
    check: async () => {
      const addresses = await addressesOf(name)
      const ip = addresses.find(each => /^InternalIP 198\.18\./.test(each))
      const isDone = ip !== undefined && addresses.includes('port 10250') && addresses.includes(`Hostname ${name}`)
      return isDone ? { done: ip.split(' ')[1] ?? '' } : { pending: addresses.join() }
    },
  })
}

async function metric(name: string): Promise<number> {
  const metrics = await (await fetch(`${proxy.url}/metrics`)).text()
  return Number(new RegExp(`^stats_proxy_${name.replace(/[{}]/g, '\\$&')} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0)
}

async function open(name: string, client: { cert?: string; key?: string; session?: Buffer } = {}): Promise<TLSSocket> {
  return await dial(socket, await addressOf(name), { ca: api.ca.caPem, ...client })
}

async function createAccount(name: string, subresources: string[], paths: string[] = []): Promise<string> {
  await api.create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name } })
  const resources = subresources.map(each => `nodes/${each}`)
  const rules = [
    ...(resources.length === 0 ? [] : [{ apiGroups: [''], resources, verbs: ['get'] }]),
    ...(paths.length === 0 ? [] : [{ nonResourceURLs: paths, verbs: ['get'] }]),
  ]
  await api.create(`${RBAC}/clusterroles`, { metadata: { name }, rules })
  await api.create(`${RBAC}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
  })
  const user = `system:serviceaccount:default:${name}`
  const [subresource] = subresources
  const [path] = paths
  if (subresource !== undefined) {
    await api.waitForRight(user, { resourceAttributes: { verb: 'get', resource: 'nodes', subresource } })
  } else if (path !== undefined) await api.waitForRight(user, { nonResourceAttributes: { verb: 'get', path } })
  return await api.tokenOf(name)
}

const kubelets = suite('the kubelets of the stats proxy')

kubelets.before(async () => {
  api = await startApiServer()
  // As in a lab, but for the cluster's CA.
  mkdirSync(join(lab.clusterDir, 'pki'), { recursive: true })
  writeFileSync(caPath(lab), api.ca.caPem)
  writeFileSync(join(lab.clusterDir, 'pki', 'ca.key'), api.ca.caKeyPem)
  const { file } = await ensureKubeletCa(lab, '198.18.0.0/16')
  // The rights of kwok-config/rbac.yaml.
  await api.create('/api/v1/namespaces', { metadata: { name: 'kube-otel-lab' } })
  await api.create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'stats-proxy' } })
  const documents = parseAllDocuments(readFileSync('kwok-config/rbac.yaml', 'utf8')).map(each => each.toJS())
  const isRole = (each: { kind: string; metadata: { name: string } }) =>
    each.kind === 'ClusterRole' && each.metadata.name === 'kube-otel-lab-stats-proxy'
  await api.create(`${RBAC}/clusterroles`, documents.find(isRole))
  await api.create(`${RBAC}/clusterrolebindings`, {
    metadata: { name: 'stats-proxy' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kube-otel-lab-stats-proxy' },
    subjects: [{ kind: 'ServiceAccount', name: 'stats-proxy', namespace: 'default' }],
  })
  // Two claim one address.
  const claim = { addresses: [{ type: 'InternalIP', address: '198.18.7.7' }] }
  await api.create('/api/v1/nodes', node('claims-first', claim))
  await sleep(1_100)
  await api.create('/api/v1/nodes', node('a-claims-second', claim))
  const other = [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'ExternalIP', address: '192.0.2.1' },
  ]
  await api.create('/api/v1/nodes', node('node-1', { addresses: other }))
  await api.create('/api/v1/nodes', node('node-2'))
  await api.create('/api/v1/nodes', node(LONG))
  await api.create('/api/v1/nodes', node('kubernetes.default.svc'))
  await api.create('/api/v1/nodes', node('kubernetes.default'))
  await api.create('/api/v1/namespaces/default/pods', pod('node-1'))
  flags = [
    ...['--kubeconfig', api.kubeconfig(await api.tokenOf('stats-proxy')), '--port', '0'],
    ...['--state-file', join(dir, 'state', 'counters.jsonl'), '--kubelets-socket', socket],
    ...['--kubelet-ca', file, '--client-ca', api.ca.caFile],
  ]
  proxy = await startProxy()
})

kubelets.after(async () => {
  proxy?.child.kill('SIGKILL')
  await api?.stop()
})

kubelets('gives each node an address, its name and the port, and keeps other types', async () => {
  const apiServerNames = ['kubernetes.default.svc', 'kubernetes.default']
  const names = ['claims-first', 'a-claims-second', 'node-1', 'node-2', LONG, ...apiServerNames]
  const addresses = await Promise.all(names.map(addressOf))
  assert.equal(new Set(addresses).size, names.length)
  assert.equal(addresses[0], '198.18.7.7', 'the older node keeps the address that two claim')
  assert.deepEqual(await addressesOf('node-1'), [
    `InternalIP ${addresses[2]}`,
    'Hostname node-1',
    'ExternalIP 192.0.2.1',
    'port 10250',
  ])
})

kubelets('gives an address to a node made later, and the same to one made again', async () => {
  await api.create('/api/v1/nodes', node('later'))
  const address = await addressOf('later')
  await api.client.request('DELETE', '/api/v1/nodes/later')
  const gone = async () =>
    (await tunnel(socket, `${address}:10250`)).status === 502 ? { done: true } : { pending: '' }
  await waitUntil({ what: 'the end of the node', timeoutMs: 60_000, everyMs: 50, check: gone })
  await api.create('/api/v1/nodes', node('other', { addresses: [{ type: 'InternalIP', address: '198.18.7.7' }] }))
  assert.notEqual(await addressOf('other'), '198.18.7.7')
  await api.create('/api/v1/nodes', node('later'))
  assert.equal(await addressOf('later'), address)
})

kubelets('has a certificate of the node that was dialed, with any name or none in SNI and Host', async () => {
  const token = await api.tokenOf('stats-proxy')
  const [one, two] = await Promise.all(['node-1', 'node-2'].map(addressOf))
  for (const options of [{}, { servername: 'node-1' }]) {
    const connection = await dial(socket, one ?? '', { ca: api.ca.caPem, ...options })
    assert.equal(connection.getPeerCertificate().subjectaltname, `DNS:node-1, IP Address:${one}`)
    connection.destroy()
  }
  await assert.rejects(dial(socket, one ?? '', { ca: api.ca.caPem, servername: 'node-2' }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  const connection = await dial(socket, one ?? '', { ca: api.ca.caPem })
  const { body } = await ask(connection, '/healthz', { token, headers: { host: `${two}:10250` } })
  assert.match(body, /^Forbidden \(user=system:serviceaccount:default:stats-proxy, verb=get, resource=nodes/)
  connection.destroy()
})

kubelets('serves nodes of long names, and of names that only the API server may have', async () => {
  for (const [name, expected] of [
    [LONG, /^DNS:a{80}\.b{63}\.example, IP Address:198\.18\./],
    ['kubernetes.default.svc', /^IP Address:198\.18\.[\d.]+$/],
    ['kubernetes.default', /^IP Address:198\.18\.[\d.]+$/],
  ] as const) {
    const connection = await open(name)
    assert.match(connection.getPeerCertificate().subjectaltname ?? '', expected)
    connection.destroy()
  }
})

kubelets('makes its socket again when it is deleted with its folder, and keeps open connections', async () => {
  const before = await open('node-1')
  rmSync(dirname(socket), { recursive: true })
  await waitUntil({
    what: 'the socket',
    timeoutMs: 60_000,
    everyMs: 100,
    check: async () => (existsSync(socket) ? { done: true } : { pending: '' }),
  })
  ;(await open('node-1')).destroy()
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  assert.equal(before.destroyed, false)
  before.destroy()
})

kubelets('refuses other destinations, and survives garbage', async () => {
  const address = await addressOf('node-1')
  for (const destination of ['198.18.255.254:10250', `${address}:22`, `${address}:10250:1`, '127.0.0.1:10250', 'x']) {
    assert.equal((await tunnel(socket, destination)).status, 502, destination)
  }
  const before = await metric('kubelet_tls_handshakes_total{kind="failed"}')
  const { socket: raw } = await tunnel(socket, `${address}:10250`)
  raw.on('error', () => {})
  raw.write('GET / HTTP/1.1\r\n\r\n')
  raw.resume()
  await once(raw, 'close')
  assert.equal(await metric('kubelet_tls_handshakes_total{kind="failed"}'), before + 1)
  ;(await open('node-1')).destroy()
})

kubelets('answers 401 without credentials and with invalid ones', async () => {
  await createAccount('gone', ['stats'])
  const [good, audience] = await Promise.all([
    api.tokenOf('gone'),
    api.tokenOf('gone', { audiences: ['https://elsewhere.example'] }),
  ])
  const expired = `${good.slice(0, good.indexOf('.') + 1)}${Buffer.from('{"exp":1}').toString('base64url')}.x`
  await api.client.request('DELETE', '/api/v1/namespaces/default/serviceaccounts/gone')
  const connection = await open('node-1')
  for (const token of [undefined, 'x', '', good, audience, expired]) {
    const { status, body } = await ask(connection, '/stats/summary', token === undefined ? {} : { token })
    assert.deepEqual([status, body], [401, 'Unauthorized'], token)
  }
  const basic = await ask(connection, '/stats/summary', { headers: { authorization: 'Basic YTpi' } })
  assert.equal(basic.status, 401)
  connection.destroy()
})

kubelets('accepts client certificates of the CA only, also in a resumed session', async () => {
  const ca = api.ca
  const [admin, nobody, foreign, expired] = await Promise.all([
    signClientCertificate(ca, { user: 'admin', groups: ['dev', 'system:masters'] }),
    signClientCertificate(ca, { user: 'someone', groups: ['dev'] }),
    testCa().then(other => signClientCertificate(other, { user: 'admin', groups: ['system:masters'] })),
    signClientCertificate(ca, { user: 'admin', groups: ['system:masters'], notAfterMs: Date.now() - 1_000 }),
  ])
  for (const [client, status] of [
    [admin, 200],
    [nobody, 403],
    [foreign, 401],
    [expired, 401],
    [{}, 401],
  ] as const) {
    const first = await open('node-1', client)
    const session = once(first, 'session')
    const answer = await ask(first, '/stats/summary')
    assert.equal(answer.status, status, answer.body)
    const [ticket] = (await session) as [Buffer]
    first.destroy()
    const again = await open('node-1', { ...client, session: ticket })
    assert.equal(again.isSessionReused(), true)
    assert.equal((await ask(again, '/stats/summary')).status, status, 'resumed')
    again.destroy()
    const other = await open('node-2', { ...client, session: ticket })
    assert.equal(other.isSessionReused(), false, 'a session of another node')
    other.destroy()
  }
  const answer = await ask(await open('node-1', nobody), '/pods')
  assert.equal(answer.body, 'Forbidden (user=someone, verb=get, resource=nodes, subresource(s)=[pods proxy])\n')
})

kubelets('takes a token when the client certificate is of another CA', async () => {
  const foreign = await signClientCertificate(await testCa(), { user: 'admin', groups: ['system:masters'] })
  const token = await createAccount('with-token', ['stats'])
  const connection = await open('node-1', foreign)
  assert.equal((await ask(connection, '/stats/summary', { token })).status, 200)
  connection.destroy()
})

for (const [rights, allowed] of [
  [['stats'], ['/stats/summary', '/stats/summary/']],
  [['metrics'], ['/metrics/cadvisor', '/metrics/resource', '/metrics/probes']],
  [['pods'], ['/pods', '/pods/']],
  [['healthz'], ['/healthz']],
  [['proxy'], ['/pods', '/pods/', '/healthz']],
  [[], []],
] as const) {
  kubelets(`nodes/${rights.join() || '(none)'} allows ${allowed.join(', ') || 'nothing'}`, async () => {
    const token = await createAccount(`right-${rights.join('-') || 'none'}`, [...rights])
    const connection = await open('node-1')
    for (const path of [
      '/stats/summary',
      '/stats/summary/',
      '/metrics/cadvisor',
      '/metrics/resource',
      '/metrics/probes',
      '/pods',
      '/pods/',
      '/healthz',
    ]) {
      const { status, body } = await ask(connection, path, { token })
      assert.equal(status, (allowed as readonly string[]).includes(path) ? 200 : 403, `${path} ${body}`)
    }
    // The right of one path is not one of another path written like it.
    for (const path of ['/stats/../pods', '/stats/%2e%2e/pods', '//pods']) {
      assert.deepEqual((await ask(connection, path, { token })).headers.location, '/pods')
    }
    connection.destroy()
  })
}

kubelets('answers as the node, in all documents', async () => {
  const admin = await signClientCertificate(api.ca, { user: 'admin', groups: ['system:masters'] })
  const connection = await open('node-1', admin)
  assert.equal(JSON.parse((await ask(connection, '/stats/summary')).body).node.nodeName, 'node-1')
  assert.equal(JSON.parse((await ask(connection, '/pods')).body).items[0].metadata.name, 'web')
  const { status, body, headers } = await ask(connection, '/healthz')
  assert.deepEqual([status, body, headers['content-type']], [200, 'ok', 'text/plain; charset=utf-8'])
  for (const [method, path, expected, text] of [
    ['GET', '/node-exporter/metrics', 404, '404 page not found\n'],
    ['GET', '/nope', 404, '404 page not found\n'],
    ['GET', '/', 404, '404 page not found\n'],
    ['POST', '/pods', 405, '405: Method Not Allowed'],
    ['GET', '/pods/x', 404, '404: Page Not Found'],
    ['GET', '/metrics/nope', 404, '404 page not found\n'],
    ['GET', '/stats/nope', 404, '404: Page Not Found'],
    ['PUT', '/stats/summary', 405, '405: Method Not Allowed'],
    ['GET', '/run/a/b/c', 405, '405: Method Not Allowed'],
    ['GET', '/healthz/ping', 200, 'ok'],
    ['POST', '/healthz', 200, 'ok'],
    ['GET', '/%zz', 400, '400 Bad Request'],
    ['GET', '/stats?x=/..', 307, ''],
  ] as const) {
    const answer = await ask(connection, path, { method })
    assert.deepEqual([answer.status, answer.body], [expected, text], `${method} ${path}`)
  }
  const anonymous = await open('node-1')
  for (const [path, status] of [
    ['/nope', 404],
    ['/metrics/nope', 404],
    ['/pods/x', 401],
    ['/stats', 307],
  ] as const) {
    assert.equal((await ask(anonymous, path)).status, status, `${path} without credentials`)
  }
  anonymous.destroy()
  connection.destroy()
})

kubelets('answers as the node exporter at 9100, over plain HTTP without a token', async () => {
  const { socket: plain } = await tunnel(socket, `${await addressOf('node-1')}:9100`)
  assert.match((await ask(plain, '/')).body, /href="\/metrics"/)
  const { status, body, headers } = await ask(plain, '/metrics?collect[]=cpu')
  assert.equal(status, 200)
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(body, /^node_uname_info\{.*nodename="node-1"/m)
  assert.equal((await ask(plain, '/pods')).status, 404)
  plain.destroy()
})

kubelets('answers as the node exporter over TLS, with a right to the path', async () => {
  const [allowed, kubeletOnly] = await Promise.all([
    createAccount('exporter-reader', [], ['/metrics']),
    createAccount('kubelet-reader', ['metrics']),
  ])
  const connection = await dial(socket, await addressOf('node-1'), { ca: api.ca.caPem, port: 9_100 })
  assert.equal((await ask(connection, '/metrics')).status, 401)
  const refused = await ask(connection, '/metrics', { token: kubeletOnly })
  assert.equal(refused.status, 403)
  assert.match(refused.body, /^Forbidden \(user=system:serviceaccount:default:kubelet-reader, verb=get, /)
  const { status, body } = await ask(connection, '/metrics', { token: allowed })
  assert.equal(status, 200)
  assert.match(body, /^node_uname_info\{.*nodename="node-1"/m)
  assert.equal((await ask(connection, '/', { token: allowed })).status, 403)
  connection.destroy()
})

kubelets('authenticates and authorizes upgrades too', async () => {
  const upgrade = { connection: 'Upgrade', upgrade: 'SPDY/3.1' }
  const token = await createAccount('no-exec', ['stats'])
  for (const [credentials, path, status, body] of [
    [{}, '/exec/default/web/app', 401, 'Unauthorized'],
    [
      { token },
      '/exec/default/web/app',
      403,
      /^Forbidden \(.*verb=create, resource=nodes, subresource\(s\)=\[proxy\]\)\n$/,
    ],
    [{ token }, '/stats/../exec/default/web/app', 307, ''],
    [{ token }, '/nope', 404, '404 page not found\n'],
  ] as const) {
    const answer = await ask(await open('node-1'), path, { method: 'POST', headers: upgrade, ...credentials })
    assert.equal(answer.status, status, path)
    if (typeof body === 'string') assert.equal(answer.body, body)
    else assert.match(answer.body, body)
  }
})

kubelets('accepts a connection and does not answer while a scenario makes the kubelet slow', async () => {
  const annotate = async (scenario: string | null) => {
    const body = { metadata: { annotations: { 'kube-otel-lab/scenario': scenario } } }
    await api.client.request('PATCH', '/api/v1/nodes/node-1', { body, contentType: 'application/merge-patch+json' })
  }
  const address = await addressOf('node-1')
  const statusOf = async (port: number) => {
    const { status, socket: raw } = await tunnel(socket, `${address}:${port}`)
    raw.on('error', () => {})
    raw.write('GET /metrics HTTP/1.1\r\nHost: node-1\r\n\r\n')
    const answered = once(raw, 'data').then(() => 'answered')
    const found = `${status} ${await Promise.race([answered, sleep(300, 'silent')])}`
    raw.destroy()
    return found
  }
  const waitForStatus = (port: number, expected: string) =>
    waitUntil<void>({
      what: `${expected} at port ${port}`,
      timeoutMs: 60_000,
      everyMs: 50,
      check: async () => {
        const found = await statusOf(port)
        return found === expected ? { done: undefined } : { pending: found }
      },
    })
  await annotate('kubelet-slow')
  // A busy machine may be silent for a moment too, before the annotation has an effect.
  for (const port of [9100, 10250]) await waitForStatus(port, '200 silent')
  await annotate(null)
  await waitForStatus(9100, '200 answered')
})

kubelets('ends the connections to a deleted node', async () => {
  await api.create('/api/v1/nodes', node('short'))
  const connection = await open('short')
  connection.resume()
  await Promise.all([once(connection, 'close'), api.client.request('DELETE', '/api/v1/nodes/short')])
})

kubelets('keeps addresses, certificates and sessions over kill -9', async () => {
  const admin = await signClientCertificate(api.ca, { user: 'admin', groups: ['system:masters'] })
  const address = await addressOf('node-1')
  const first = await open('node-1', admin)
  const session = once(first, 'session')
  await ask(first, '/healthz')
  const { fingerprint256 } = first.getPeerCertificate()
  const [ticket] = (await session) as [Buffer]
  await stopProxy('SIGKILL')
  assert.equal(statSync(join(dir, 'state', 'kubelets.jsonl')).mode & 0o777, 0o600)
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  proxy = await startProxy()
  assert.equal(await addressOf('node-1'), address)
  const again = await open('node-1', { ...admin, session: ticket })
  assert.equal(again.isSessionReused(), true)
  assert.equal((await ask(again, '/stats/summary')).status, 200)
  assert.equal((await open('node-1')).getPeerCertificate().fingerprint256, fingerprint256)
})

kubelets('makes new certificates for a new CA', async () => {
  const before = (await open('node-1')).getPeerCertificate().fingerprint256
  await ensureKubeletCa(lab, '198.18.0.0/15')
  const renewed = async () => {
    const connection = await open('node-1')
    const { fingerprint256 } = connection.getPeerCertificate()
    connection.destroy()
    return fingerprint256 === before ? { pending: fingerprint256 } : { done: true }
  }
  await waitUntil({ what: 'a new certificate', timeoutMs: 60_000, everyMs: 500, check: renewed })
})

kubelets('fails closed when the API server is gone', async () => {
  const token = await createAccount('late', ['stats'])
  const admin = await signClientCertificate(api.ca, { user: 'new-admin', groups: ['system:masters'] })
  const connection = await open('node-1', admin)
  await api.stop()
  const [withToken, withCertificate] = await Promise.all([
    dial(socket, connection.getPeerCertificate().subjectaltname?.split('Address:')[1] ?? '', { ca: api.ca.caPem }).then(
      each => ask(each, '/stats/summary', { token }),
    ),
    ask(connection, '/stats/summary'),
  ])
  assert.deepEqual([withToken.status, withToken.body], [401, 'Unauthorized'])
  const attributes = 'user=new-admin, verb=get, resource=nodes, subresource=stats'
  assert.deepEqual([withCertificate.status, withCertificate.body], [500, `Authorization error (${attributes})`])
})

kubelets.run()
