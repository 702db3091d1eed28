import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import { stringify } from 'yaml'
import { fields, items } from '../../../lib/kube/json.ts'
import { daemonCommand } from '../../../lib/services/daemon-bundle.ts'
import { simulatorResourceMetrics } from '../../../lib/traces/simulator-metrics.ts'
import { parseFlags } from '../../../lib/traces/trace-simulator-flags.ts'
import { tempDir } from '../../support/temp-lab.ts'
import { answer, bodyOf, fakeApi, until } from '../kube/fake-api.ts'
import { rawPod, rawWorkload } from './trace-fixtures.ts'

const flags = suite('parseFlags()')
const url = ['--otlp-url', 'http://127.0.0.1:4318/']

flags('has defaults, and removes the slash at the end of the URL', () => {
  assert.deepEqual(parseFlags(url), {
    kubeconfig: undefined,
    context: undefined,
    otlpUrl: 'http://127.0.0.1:4318',
    rate: 5,
    preset: 'steady',
    intervalMs: 10_000,
    readyFile: undefined,
  })
  assert.equal(parseFlags(['--help']), undefined)
})

for (const [args, message] of [
  [[], /Cannot use --otlp-url/],
  [['--otlp-url', 'localhost:4318'], /Cannot use --otlp-url localhost:4318/],
  [[...url, '--rate', '-1'], /Cannot start the trace simulator|Cannot use --rate/],
  [[...url, '--rate', 'x'], /Cannot use --rate x/],
  [[...url, '--usage-preset', 'wild'], /Cannot use --usage-preset wild/],
  [[...url, '--interval-ms', '1'], /Cannot use --interval-ms 1/],
  [[...url, '--sped', '1'], /Unknown option '--sped'/],
] as const) {
  flags(`refuses ${args.join(' ') || 'no URL'}`, () => {
    assert.throws(() => parseFlags([...args]), { name: 'UsageError', message })
  })
}
flags.run()

const metrics = suite('simulatorResourceMetrics()')
metrics('has each counter since the start, and spans by result', () => {
  const exporter = { counts: { sent: 30, dropped: 20, failed: 10 }, waiting: 4 }
  const given = { requests: 5, roots: 1, services: 2, problems: 3 }
  const measured = simulatorResourceMetrics(given, exporter, { startMs: 1, nowMs: 2 })
  const { scopeMetrics } = measured as { scopeMetrics: [{ metrics: unknown[] }] }
  const values = scopeMetrics[0].metrics.map(each => {
    const { name, sum, gauge } = fields(each)
    return `${name} ${items(fields(sum ?? gauge).dataPoints).map(point => fields(point).asInt)}`
  })
  assert.deepEqual(values, [
    'traces.simulator.requests 5',
    'traces.simulator.spans 30,20,10',
    'traces.simulator.queue 4',
    'traces.simulator.generators 1',
    'traces.simulator.services 2',
    'traces.simulator.problems 3',
  ])
  assert.deepEqual(scopeMetrics[0].metrics[1], {
    name: 'traces.simulator.spans',
    unit: '{span}',
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: [
        ['sent', '30'],
        ['dropped', '20'],
        ['failed', '10'],
      ].map(([stringValue, asInt]) => ({
        startTimeUnixNano: '1000000',
        timeUnixNano: '2000000',
        asInt,
        attributes: [{ key: 'result', value: { stringValue } }],
      })),
    },
  })
})
metrics.run()

const processes = suite('lib/traces/trace-simulator-process.ts')

processes('reads a cluster, sends spans and metrics, logs each problem once, and ends on a signal', async () => {
  const lists: Record<string, unknown[]> = {
    '/apis/apps/v1/deployments': [rawWorkload('load', { WEB_ADDR: 'web:80', X_ADDR: 'nobody:80' }), rawWorkload('web')],
    '/api/v1/services': [
      {
        metadata: { uid: 's', name: 'web', namespace: 'shop' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      },
    ],
    '/api/v1/pods': [rawPod('load'), rawPod('web')],
  }
  const methods = new Set<string>()
  const api = await fakeApi((request, response) => {
    methods.add(request.method ?? '')
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    if (searchParams.get('watch') === 'true') {
      response.writeHead(200).flushHeaders()
      return
    }
    if (pathname.startsWith('/apis/kwok')) return answer(response, 404, { message: 'no such kind' })
    answer(response, 200, { metadata: { resourceVersion: '1' }, items: lists[pathname] ?? [] })
  })
  const bodies: Record<string, string> = {}
  const receiver = createServer(async (request, response) => {
    bodies[request.url ?? ''] = (bodies[request.url ?? ''] ?? '') + (await bodyOf(request))
    response.end()
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  const dir = tempDir()
  const [kubeconfig, ready] = [join(dir, 'kubeconfig'), join(dir, 'ready')]
  const cluster = { name: 'test', cluster: { server: api.url, 'insecure-skip-tls-verify': true } }
  const context = { name: 'test', context: { cluster: 'test', user: 'test' } }
  writeFileSync(
    kubeconfig,
    stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test', clusters: [cluster], contexts: [context] },
      users: [{ name: 'test', user: { token: 't' } }],
    }),
  )
  const { command, args } = await daemonCommand('traces', join('lib', 'traces', 'trace-simulator-process.ts'), {
    args: [
      ...['--kubeconfig', kubeconfig, '--ready-file', ready, '--rate', '200', '--interval-ms', '100'],
      ...['--otlp-url', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`],
    ],
  })
  const child = spawn(command, args)
  let said = ''
  child.stderr.on('data', chunk => {
    said += String(chunk)
  })
  try {
    await until('it is ready', () => existsSync(ready)).catch(error => assert.fail(`${error}: ${said}`))
    await until('spans have come', () => (bodies['/v1/traces']?.length ?? 0) > 5_000)
    await until('metrics have come', () => bodies['/v1/metrics']?.includes('traces.simulator.requests') === true)
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
  } finally {
    child.kill('SIGKILL')
    receiver.closeAllConnections()
    receiver.close()
    await api.close()
  }
  assert.match(said, /ready: 1 load generators, 1 services are called, 200 requests\/s/)
  assert.equal(said.split('X_ADDR=nobody:80 names no Service, not used').length, 2, said)
  assert.match(bodies['/v1/traces'] ?? '', /web-5f7-0/)
  assert.deepEqual([...methods], ['GET'])
})
processes.run()
