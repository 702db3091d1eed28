/** Traces of Online Boutique on the shared lab. */
import assert from 'node:assert/strict'
import { jaegerServices } from '../../../lib/traces/jaeger-client.ts'
import { assertSameWords, type TestLab, waitFor } from '../../support/lab.ts'
import { openSharedLab, TRACE_RATE } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'
import { edgesOf, isFailed, jaegerUrl, NAMESPACE, realEdges, requests, WAIT_MS } from '../../support/traces.ts'

const traces = suite<{ lab: TestLab }>('traces')
traces.before(async context => {
  context.lab = (await openSharedLab()).lab
})

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
  // Requests during the rollout of the application fail.
  const beganMicros = Date.now() * 1_000
  await waitFor('some seconds of whole traces', async () => {
    // The newest may be under way from the collector to Jaeger.
    const beforeMicros = (Date.now() - 5_000) * 1_000
    const found = (await requests(lab, '1m')).filter(spans =>
      spans.every(span => span.startMicros > beganMicros && span.startMicros < beforeMicros),
    )
    assert(found.length > 2 * TRACE_RATE, `${found.length} traces`)
    for (const spans of found) {
      const ids = new Set(spans.map(span => span.spanId))
      assertSameWords(
        spans.filter(span => span.parentId === undefined).map(span => span.service),
        ['loadgenerator'],
      )
      for (const span of spans) assert(span.parentId === undefined || ids.has(span.parentId), JSON.stringify(span))
      assert.equal(spans.filter(isFailed).length, 0)
    }
  })
})

traces('name existing pods and nodes', async ({ lab }) => {
  const path = '{range .items[*]}{.metadata.name} {.spec.nodeName} {.metadata.uid}{"\\n"}{end}'
  const pods = new Set(
    (await lab.kubectl(['get', 'pods', '-n', NAMESPACE, '-o', `jsonpath=${path}`])).trim().split('\n'),
  )
  // Chance leaves a pod out for a while.
  await waitFor('spans of every pod', async () => {
    const seen = new Set<string>()
    for (const { resource, service } of (await requests(lab)).flat()) {
      seen.add(`${resource['k8s.pod.name']} ${resource['k8s.node.name']} ${resource['k8s.pod.uid']}`)
      assert.equal(resource['k8s.deployment.name'], service)
      assert.equal(resource['k8s.namespace.name'], NAMESPACE)
      assert.equal(resource['k8s.cluster.name'], lab.name)
    }
    assertSameWords([...seen], [...pods], 'the pods')
  })
})

traces('agree with the span metrics of each service in Prometheus', async ({ lab }) => {
  const generated =
    'sum(rate(traces_span_metrics_calls_total{service_name="loadgenerator",span_kind="SPAN_KIND_CLIENT"}[30s]))'
  await waitFor(
    'the rate',
    async () => {
      const [sample] = await lab.query(generated)
      assert(Math.abs((sample?.value ?? 0) - TRACE_RATE) < 0.15 * TRACE_RATE, `${sample?.value} requests/s`)
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

traces('of the control plane are in Jaeger', async ({ lab }) => {
  await waitFor('control plane', async () => {
    const services = await jaegerServices(jaegerUrl(lab))
    for (const name of ['apiserver', 'etcd', 'kwok-controller']) assert(services.includes(name), services.join())
  })
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
