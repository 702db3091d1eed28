import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { type JaegerSpan, jaegerServices, jaegerTraces } from '../../../lib/traces/jaeger-client.ts'
import {
  assertDone,
  assertSameWords,
  assertSays,
  createTestLab,
  killHard,
  type TestLab,
  waitFor,
} from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'

const RATE = 20
const NAMESPACE = 'online-boutique'
const WAIT_MS = 90_000

const traces = suite<{ lab: TestLab }>('traces')

traces.before(async context => {
  context.lab = await createTestLab('traces', {
    COLLECTION_INTERVAL: '5s',
    TRACE_RATE: String(RATE),
    TRACE_SAMPLING: '50',
  })
  assertDone(await context.lab.make(['kwok', 'NODE_COUNT=3', 'POD_COUNT=10']))
  assertDone(await context.lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=2']))
})
traces.after(({ lab }) => lab?.cleanUp())

const jaeger = (lab: TestLab) => `http://127.0.0.1:${lab.ports.jaegerPort}`
const requests = (lab: TestLab, lookback = '30s') =>
  jaegerTraces(jaeger(lab), 'loadgenerator', { limit: 500, lookback })
const log = (lab: TestLab) => readFileSync(join(lab.dir, 'logs', 'traces.log'), 'utf8')

/** `caller>callee` for each server span, by the service of its parent. */
function edgesOf(spans: readonly JaegerSpan[]): string[] {
  const byId = new Map(spans.map(span => [span.spanId, span]))
  return spans
    .filter(span => span.tags['span.kind'] === 'server')
    .map(span => `${byId.get(span.parentId ?? '')?.service}>${span.service}`)
}

/** Who calls whom, out of the Deployments' own variables, which in this application name Services that are named as Deployments. */
async function realEdges(lab: TestLab): Promise<string[]> {
  const list = JSON.parse(await lab.kubectl(['get', 'deployments', '-n', NAMESPACE, '-o', 'json']))
  return items(list.items).flatMap(raw => {
    const { metadata, spec } = fields(raw)
    const containers = items(fields(fields(fields(spec).template).spec).containers)
    const env = containers.flatMap(each => items(fields(each).env))
    const peers = env.filter(each => text(fields(each).name)?.endsWith('_ADDR') === true)
    return peers.map(each => `${fields(metadata).name}>${text(fields(each).value)?.split(':')[0]}`)
  })
}

const isFailed = (span: JaegerSpan) => span.tags['error'] === 'true'

traces('show every edge of the call graph, and no other', async ({ lab }) => {
  const real = await realEdges(lab)
  assert(real.length >= 14, `${real.length} edges`)
  await waitFor(
    'all edges',
    async () => assertSameWords([...new Set((await requests(lab)).flatMap(edgesOf))], [...new Set(real)], 'the edges'),
    WAIT_MS,
  )
})

traces('have no span without its parent, and no error while all is well', async ({ lab }) => {
  // Requests of while the application was rolled out rightly failed.
  const beganMicros = Date.now() * 1_000
  const whole = await waitFor('some seconds of traces', async () => {
    // The newest may be under way from the collector to Jaeger.
    const beforeMicros = (Date.now() - 5_000) * 1_000
    const found = (await requests(lab, '1m')).filter(spans =>
      spans.every(span => span.startMicros > beganMicros && span.startMicros < beforeMicros),
    )
    assert(found.length > 2 * RATE, `${found.length} traces`)
    return found
  })
  for (const spans of whole) {
    const ids = new Set(spans.map(span => span.spanId))
    assertSameWords(
      spans.filter(span => span.parentId === undefined).map(span => span.service),
      ['loadgenerator'],
    )
    for (const span of spans) assert(span.parentId === undefined || ids.has(span.parentId), JSON.stringify(span))
    assert.equal(spans.filter(isFailed).length, 0)
  }
})

traces('name pods and nodes that are there', async ({ lab }) => {
  const path = '{range .items[*]}{.metadata.name} {.spec.nodeName} {.metadata.uid}{"\\n"}{end}'
  const pods = new Set(
    (await lab.kubectl(['get', 'pods', '-n', NAMESPACE, '-o', `jsonpath=${path}`])).trim().split('\n'),
  )
  const seen = new Set<string>()
  for (const { resource, service } of (await requests(lab)).flat()) {
    seen.add(`${resource['k8s.pod.name']} ${resource['k8s.node.name']} ${resource['k8s.pod.uid']}`)
    assert.equal(resource['k8s.deployment.name'], service)
    assert.equal(resource['k8s.namespace.name'], NAMESPACE)
    assert.equal(resource['k8s.cluster.name'], lab.name)
  }
  assertSameWords([...seen], [...pods], 'the pods')
})

traces('agree with the figures of each service in Prometheus', async ({ lab }) => {
  const generated =
    'sum(rate(traces_span_metrics_calls_total{service_name="loadgenerator",span_kind="SPAN_KIND_CLIENT"}[30s]))'
  await waitFor(
    'the rate',
    async () => {
      const [sample] = await lab.query(generated)
      assert(Math.abs((sample?.value ?? 0) - RATE) < 0.15 * RATE, `${sample?.value} requests/s`)
    },
    WAIT_MS,
  )
  const series = await lab.query(
    'count by (service_name)(traces_span_metrics_duration_seconds_count{k8s_namespace_name!=""})',
  )
  const services = new Set((await realEdges(lab)).flatMap(edge => edge.split('>')))
  assertSameWords(
    series.map(({ labels }) => labels['service_name'] ?? ''),
    [...services],
    'the services',
  )
  // One service, one set of series: no pod's name, and nothing of the control plane, which is sampled.
  assert.deepEqual(await lab.query('traces_span_metrics_calls_total{k8s_pod_name!=""}'), [])
  assert.deepEqual(
    await lab.query('traces_span_metrics_calls_total{service_name=~"apiserver|etcd|kwok-controller"}'),
    [],
  )
})

traces('of the control plane are there', async ({ lab }) => {
  await waitFor('control plane', async () => {
    const services = await jaegerServices(jaeger(lab))
    for (const name of ['apiserver', 'etcd', 'kwok-controller']) assert(services.includes(name), services.join())
  })
})

traces('of a service without ready pods fail upstream and only there, until it is back', async ({ lab }) => {
  const scale = async (replicas: number) => {
    await lab.kubectl(['scale', 'deployment/paymentservice', '-n', NAMESPACE, `--replicas=${replicas}`])
  }
  const upstream = ['checkoutservice', 'frontend', 'loadgenerator']
  await scale(0)
  await waitFor(
    'errors upstream',
    async () => {
      const spans = (await requests(lab, '5s')).flat()
      const failed = new Set(spans.filter(isFailed).map(span => span.service))
      assertSameWords([...failed], upstream, 'who fails')
      assert(!spans.some(span => span.service === 'paymentservice'))
    },
    WAIT_MS,
  )
  for (const spans of await requests(lab, '5s')) {
    const asked = spans.some(span => span.tags['error.type'] === '14')
    assert.equal(spans.some(isFailed), asked)
  }
  await scale(2)
  await waitFor(
    'end of the errors',
    async () => {
      const spans = (await requests(lab, '5s')).flat()
      assert(spans.some(span => span.service === 'paymentservice'))
      assert.equal(spans.filter(isFailed).length, 0)
    },
    WAIT_MS,
  )
})

traces('a variable that names no Service is said once, and nothing else suffers', async ({ lab }) => {
  await lab.kubectl(['set', 'env', 'deployment/adservice', '-n', NAMESPACE, 'LOST_ADDR=nowhere:80'])
  const said = /Deployment online-boutique\/adservice: LOST_ADDR=nowhere:80 names no Service, not used/g
  await waitFor('the problem', () => assertSays(log(lab), said), 30_000)
  await lab.kubectl(['set', 'env', 'deployment/adservice', '-n', NAMESPACE, 'LOST_ADDR-'])
  assert.equal(log(lab).match(said)?.length, 1)
})

traces('a Jaeger that hangs is not said to be up', async ({ lab }) => {
  const pid = (await lab.partPids()).get('jaeger') ?? assert.fail('no Jaeger')
  process.kill(pid, 'SIGSTOP')
  try {
    const { exitCode, stdout } = await lab.make(['kwok-status'])
    assert.notEqual(exitCode, 0)
    assertSays(stdout, /^jaeger +unhealthy +/m)
    assertSays(stdout, /\nUnhealthy: jaeger: http:\S+: no answer in 3 s\n {2}Next: read .*jaeger\.log\n/)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  assertDone(await lab.make(['kwok-status']))
})

traces('go on when Jaeger and the collector were away; what was lost is counted', async ({ lab }) => {
  const pids = await lab.partPids()
  for (const part of ['jaeger', 'collector']) killHard(pids.get(part) ?? assert.fail(part))
  await waitFor('word of it', () => assertSays(log(lab), /cannot send to http:.*ECONNREFUSED/), WAIT_MS)
  assertDone(await lab.make(['kwok-jaeger']))
  assertDone(await lab.make(['kwok-collector']))
  await waitFor('word of its end', () => assertSays(log(lab), /accepts them again; \d+ spans failed/), WAIT_MS)
  await waitFor('new traces', async () => assert((await requests(lab, '5s')).length > 0), WAIT_MS)
  assert.equal((await lab.partPids()).get('traces'), pids.get('traces'))
})

traces('the simulator can only read', async ({ lab }) => {
  const asTraces = ['--as', 'system:serviceaccount:kube-otel-lab:traces']
  const rules = await lab.kubectl(['auth', 'can-i', '--list', ...asTraces])
  const verbs = rules
    .split('\n')
    .filter(line => !line.startsWith('self'))
    .flatMap(line => line.match(/\[([a-z ]+)\]$/)?.[1]?.split(' ') ?? [])
  assertSameWords([...new Set(verbs)], ['get', 'list', 'watch'], 'the verbs')
})
traces.run()
