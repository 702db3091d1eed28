import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import { answerTo, createStatsServer, type StatsServerOptions } from '../../../lib/kubelet/kubelet-server.ts'
import { createMetrics } from '../../../lib/kubelet/stats-proxy-metrics.ts'
import { createStore } from '../../../lib/kubelet/store/stats-store.ts'
import { unreadyReason } from '../../../lib/kubelet/watch-cluster.ts'
import { node, pod, START_MS } from './kubelet-fixtures.ts'

function options(change: Partial<StatsServerOptions> = {}): StatsServerOptions {
  const store = createStore({ clock: () => START_MS + 60_000 })
  for (const name of ['node-0', 'node/1 ü']) store.setNode(node({ uid: name, name }))
  store.setPod(pod())
  const metrics = createMetrics(store, () => ({}))
  return {
    hostNames: [],
    store,
    metrics,
    isSynced: () => true,
    unreadyReason: () => undefined,
    log: () => {},
    ...change,
  }
}

const answers = suite('answerTo()')

for (const [method, url, status, body] of [
  ['GET', '/healthz', 200, /^ok$/],
  ['GET', '/readyz', 200, /^ok$/],
  ['GET', '/nodes/node-0/stats/summary', 200, /"nodeName":"node-0"/],
  ['GET', '/nodes/node-0/stats/summary?only_cpu_and_memory=true', 200, /"nodeName":"node-0"/],
  ['GET', '/nodes/node%2F1%20%C3%BC/stats/summary', 200, /"nodeName":"node\/1 ü"/],
  ['GET', '/nodes/node-0/healthz', 200, /^ok$/],
  ['GET', '/metrics/nodes/node-0/metrics/resource', 200, /^node_cpu_usage_seconds_total [\d.]+ \d+$/m],
  ['GET', '/metrics/nodes/node-9/metrics/resource', 404, /no node "node-9"/],
  ['GET', '/metrics/nodes/node-0/metrics/cadvisor', 404, /only \/nodes/],
  ['GET', '/nodes/node-9/stats/summary', 404, /no node "node-9"/],
  ['GET', '/nodes/__proto__/stats/summary', 404, /no node "__proto__"/],
  ['GET', '/nodes/%zz/stats/summary', 404, /no node "%zz"/],
  ['GET', '/nodes/node-0/configz', 200, /kubeletconfig/],
  ['GET', '/nodes/node-0/runningpods/', 200, /PodList/],
  ['GET', '/nodes/node-0/flagz', 404, /only \/nodes/],
  ['GET', '/nodes/', 404, /only \/nodes/],
  ['GET', '/', 404, /only \/nodes/],
  ['GET', '/stats/summary', 404, /only \/nodes/],
  ['POST', '/healthz', 405, /POST is not allowed/],
  ['DELETE', '/nodes/node-0/stats/summary', 405, /DELETE/],
] as const) {
  answers(`${method} ${url} is ${status}`, async () => {
    const answer = await answerTo(method, url, options())
    assert.equal(answer.status, status)
    assert.match(String(answer.body), body)
  })
}

answers('returns 503 for nodes and readiness until everything is listed', async () => {
  const early = options({ isSynced: () => false, unreadyReason: () => 'pods have not been listed yet' })
  for (const url of ['/readyz', '/nodes/node-0/stats/summary', '/nodes/node-0/healthz']) {
    const answer = await answerTo('GET', url, early)
    assert.equal(answer.status, 503, url)
    assert.match(String(answer.body), /listed yet/)
  }
})

answers.run()

const servers = suite('createStatsServer()')

servers('serves HTTP, counts requests, and continues after a bug', async () => {
  const log: string[] = []
  const broken = { ...createStore(), read: () => assert.fail('odd') }
  const base = options({ log: line => log.push(line) })
  const server = createStatsServer({ ...base, store: broken })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const refused = await fetch(`${url}/healthz`, { method: 'PUT', body: 'x' })
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET'])
  assert.equal((await fetch(`${url}/nodes/node-0/stats/summary`)).status, 500)
  assert.match(log.join(), /bug: GET \/nodes\/node-0\/stats\/summary.*odd/)
  assert.equal((await fetch(`${url}/${'x'.repeat(100_000)}`)).status, 431)
  const text = await (await fetch(`${url}/metrics`)).text()
  assert.match(text, /stats_proxy_http_requests_total\{route="other",code="405"\} 1/)
  assert.match(text, /stats_proxy_nodes 2/)
  assert.match(text, /process_resident_memory_bytes \d/)
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

servers('serves the log of a container under its own host names only, and counts it', async () => {
  const server = createStatsServer(options())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const log = await fetch(`${url}/nodes/node-0/containerLogs/shop/web/app`)
  assert.equal(log.status, 200)
  assert.match(await log.text(), /msg=starting container=app/)
  const command = await fetch(`${url}/nodes/node-0/exec/shop/web/app?command=sh&output=1`, {
    method: 'POST',
    body: 'x',
  })
  assert.match(await command.text(), /runs no process/)
  const { port } = server.address() as AddressInfo
  const foreign = await new Promise<number | undefined>(resolve =>
    request(
      { host: '127.0.0.1', port, path: '/nodes/node-0/containerLogs/shop/web/app', headers: { host: 'evil' } },
      answer => resolve(answer.resume().statusCode),
    ).end(),
  )
  assert.equal(foreign, 421)
  const text = await (await fetch(`${url}/metrics`)).text()
  assert.match(text, /requests_total\{route="\/nodes\/:node\/containerLogs",code="200"\} 1/)
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

servers('answers only to its own host names, with or without a port', async () => {
  const server = createStatsServer(options({ hostNames: ['0.0.0.0', 'kube-otel-lab-unit-stats-proxy'] }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const ask = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const path = '/nodes/node-0/pods'
      const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, async answer =>
        resolve(`${answer.statusCode} ${await text(answer)}`),
      )
      asked.on('error', reject).end()
    })
  try {
    for (const host of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', 'kube-otel-lab-unit-stats-proxy']) {
      assert.match(await ask(host), /^200 .*"items"/, host)
      assert.match(await ask(`${host}:10250`), /^200 /, host)
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', '10.0.0.1']) {
      assert.equal(await ask(host), `421 this is not ${JSON.stringify(host)}\n`)
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

servers('counts refused requests, and logs each kind once', async () => {
  const log: string[] = []
  const server = createStatsServer(options({ log: line => log.push(line) }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const say = (text: string) =>
    new Promise<string>(resolve => {
      let said = ''
      const socket = connect(port, '127.0.0.1', () => socket.end(text))
      socket.on('data', chunk => {
        said += chunk
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(said))
    })
  for (let at = 0; at < 2; at++) {
    assert.match(await say('what\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request\r\n/)
    assert.equal(await say('CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n'), '')
    assert.match(
      await say('HEAD /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
      /^HTTP\/1\.1 405 /,
    )
    await fetch(`http://127.0.0.1:${port}/nodes/node-9/stats/summary`)
  }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  assert.match(text, /stats_proxy_http_requests_total\{route="other",code="405"\} 2/)
  assert.deepEqual(
    log.map(line => line.split(': ')[1]?.slice(0, 3)),
    ['405', '404'],
  )
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

servers.run()

const reasons = suite('unreadyReason()')
const fine = { synced: true, connected: true, lastContactMs: 100_000, trouble: undefined }

for (const [name, reflectors, nowMs, reason] of [
  ['not connected', {}, 0, /not connected/],
  ['not listed', { pods: { ...fine, synced: false } }, 100_000, /pods have not been listed/],
  [
    'may not be listed',
    { resourceusages: { ...fine, synced: false, trouble: 'Cannot list x: 403 forbidden' } },
    100_000,
    /^resourceusages have not been listed yet: Cannot list x: 403 forbidden$/,
  ],
  ['fine', { pods: fine }, 160_000, undefined],
  ['away for a moment', { pods: { ...fine, connected: false } }, 110_000, undefined],
  ['away', { pods: { ...fine, connected: false } }, 116_000, /no contact .* for 16 s \(pods\)/],
  ['silent', { nodes: fine }, 190_000, /no contact .* for 90 s \(nodes\)/],
] as const) {
  reasons(name, () => {
    const said = unreadyReason(reflectors, nowMs)
    if (reason === undefined) assert.equal(said, undefined)
    else assert.match(said ?? '', reason)
  })
}

reasons.run()
