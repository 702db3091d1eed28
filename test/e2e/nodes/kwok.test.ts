/** A lab that is scaled up and down, and the second run of `make kwok`. */
import assert from 'node:assert/strict'
import { fields, items } from '../../../lib/kube/json.ts'
import { applyText } from '../../../lib/lab/kubectl.ts'
import { openLab } from '../../../lib/lab/lab.ts'
import { nodeByHand, readAll, receivers } from '../../support/checks.ts'
import { assertDone, assertSays, type TestLab, waitFor } from '../../support/lab.ts'
import { assertMeasured, fresh, type Labelled, nodeOf, podOf, readCluster } from '../../support/measured.ts'
import { INTERVAL_MS, kwokWords, NODES, openPlainLab, PODS } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const kwok = suite<{ lab: TestLab; startedMs: number }>('make kwok again')
kwok.before(async context => {
  context.startedMs = Date.now()
  context.lab = await openPlainLab()
})

/** Scaled up. */
const MORE_NODES = 8
const MORE_PODS = 40

kwok('scales up without restarting a part', async ({ lab }) => {
  const before = await lab.partPids()
  const ended = await lab.make(['kwok', `NODE_COUNT=${MORE_NODES}`, `POD_COUNT=${MORE_PODS}`])
  assertDone(ended)
  assertSays(ended.stdout, new RegExp(`is ready: ${MORE_NODES} nodes`))
  assert.deepEqual(await lab.partPids(), before)
  await assertMeasured(lab, { nodes: MORE_NODES, labPods: MORE_PODS })
})

kwok(
  'adds and removes the receiver of a node that kubectl creates and deletes, without a gap in other series',
  async ({ lab }) => {
    const node = 'e2e-by-hand'
    const startedMs = Date.now()
    const unchanged = await readCluster(lab)
    await lab.kubectl(['create', '-f', '-'], JSON.stringify(nodeByHand(node)))
    await waitFor('receiver of the added node', () => assert.ok(receivers(lab).has(node), 'not in the file'))
    await waitFor('series of the added node', async () => {
      const samples = await fresh(lab, `k8s_node_cpu_time_seconds_total{k8s_node_name="${node}"}`)
      assert.equal(samples.length, 1)
    })
    await lab.kubectl(['delete', 'node', node, '--wait=false'])
    await lab.kubectl([
      'delete',
      'pods',
      '-A',
      '--field-selector',
      `spec.nodeName=${node}`,
      '--force',
      '--grace-period=0',
    ])
    await waitFor('receivers without the removed node', () => assert.ok(!receivers(lab).has(node), 'still in the file'))
    await assertMeasured(lab, { nodes: MORE_NODES, labPods: MORE_PODS })

    const seconds = Math.ceil((Date.now() - startedMs) / 1000)
    for (const [series, keyOf, keys] of [
      ['k8s_node_cpu_time_seconds_total', nodeOf, unchanged.nodes],
      ['k8s_pod_cpu_time_seconds_total', podOf, unchanged.pods.map(pod => pod.key)],
    ] as const) {
      const gaps = new Map(
        (await samplesOf(lab, `${series}[${seconds}s]`)).map(one => [keyOf(one), longestGapMs(one.timesMs)]),
      )
      assert.deepEqual(
        // Over four intervals the dashboards compute rates.
        keys.filter(key => !((gaps.get(key) ?? Number.POSITIVE_INFINITY) <= 4 * INTERVAL_MS)),
        [],
        `${series}: the longest gap is ${Math.max(...keys.map(key => gaps.get(key) ?? Number.POSITIVE_INFINITY))} ms`,
      )
    }
  },
)

kwok('scales down again', async ({ lab }) => {
  const ended = await lab.make(kwokWords)
  assertDone(ended)
  assertSays(ended.stdout, new RegExp(`is ready: ${NODES} nodes`))
  await assertMeasured(lab, { nodes: NODES, labPods: PODS })
})

kwok('no counter has decreased since these tests began', async ({ lab, startedMs }) => {
  // Not before: other tests replace pods of StatefulSets, which keep their names.
  const range = `${Math.floor((Date.now() - startedMs) / 1000)}s`
  for (const series of ['k8s_pod_cpu_time_seconds_total', 'k8s_node_cpu_time_seconds_total']) {
    assert.deepEqual(await lab.query(`resets(${series}[${range}]) > 0`), [])
  }
})

kwok('refuses a manifest with a misspelt field', async ({ lab }) => {
  const metadata = { name: 'misspelt', namespace: 'default' }
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, daat: {} })
  const applied = applyText(openLab({ flags: {}, env: lab.env }), manifest)
  await assert.rejects(applied, /ConfigMap\): \.daat: field not declared in schema/)
})

kwok('changes nothing when it runs again', async ({ lab }) => {
  const before = await readAll(lab)
  const ended = await lab.make(kwokWords)
  assertDone(ended)
  assert.doesNotMatch(ended.stderr, /Creat|Start|Delet/)
  assert.deepEqual(await readAll(lab), before)
})

kwok.run()

/** When the samples of each series of a range selector were taken. */
async function samplesOf(lab: TestLab, selector: string): Promise<(Labelled & { timesMs: number[] })[]> {
  const url = `http://127.0.0.1:${lab.ports.prometheusPort}/api/v1/query?${new URLSearchParams({ query: selector })}`
  return items(fields(fields(await (await fetch(url)).json())['data'])['result']).map(series => ({
    labels: fields(fields(series)['metric']) as Record<string, string>,
    timesMs: items(fields(series)['values']).map(value => Number(items(value)[0]) * 1000),
  }))
}

function longestGapMs(timesMs: readonly number[]): number {
  if (timesMs.length < 2) return Number.POSITIVE_INFINITY
  return Math.max(...timesMs.slice(1).map((time, index) => time - (timesMs[index] ?? 0)))
}
