/** The stats proxy while pods come and go, and while it and kube-apiserver are killed. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertDone, assertSameWords, killHard, type TestLab, waitFor } from '../../support/lab.ts'
import { openPlainLab } from '../../support/shared-lab.ts'
import { kubeletUrl, runningPods, summaries } from '../../support/stats-proxy.ts'
import { suite } from '../../support/suite.ts'

const proxy = suite<{ lab: TestLab }>('stats proxy of a changing lab')
proxy.before(async context => {
  context.lab = await openPlainLab()
})

/** CPU time of each node and pod now, by name and UID. */
async function counters(lab: TestLab): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const { node, pods } of await summaries(lab)) {
    found.set(node.nodeName, node.cpu.usageCoreNanoSeconds)
    for (const { podRef, cpu } of pods) found.set(podRef.uid, cpu.usageCoreNanoSeconds)
  }
  return found
}

async function servedPods(lab: TestLab): Promise<string[]> {
  return (await summaries(lab)).flatMap(({ node, pods }) => pods.map(({ podRef }) => `${podRef.uid} ${node.nodeName}`))
}

proxy(
  'under churn, with proxy and kube-apiserver killed, no counter decreases, and then each pod is on its node',
  async ({ lab }) => {
    await lab.kubectl(['apply', '-f', '-'], randomUsage)
    const pids = await lab.partPids()
    let before = new Map<string, number>()
    let reads = 0
    let stopped = false
    const watching = (async () => {
      while (!stopped) {
        // While the proxy is away there is nothing to compare.
        const now = await counters(lab).catch(() => undefined)
        for (const [name, value] of now ?? []) {
          assert(value >= (before.get(name) ?? 0), `${name} fell from ${before.get(name)} to ${value}`)
        }
        if (now !== undefined) {
          before = new Map([...before, ...now])
          reads++
        }
        await sleep(150)
      }
    })()
    const churning = (async () => {
      for (let round = 0; !stopped; round++) {
        const replicas = round % 2 === 0 ? '1' : '6'
        await lab
          .kubectl(['-n', 'shop', 'scale', 'deployment', '--all', `--replicas=${replicas}`])
          .catch(() => undefined)
        await sleep(1_000)
      }
    })()
    const watched = async () => {
      const from = reads
      await sleep(3_000)
      await waitFor('reads of the counters', () => assert(reads >= from + 5, `${reads - from} reads`))
    }
    try {
      await watched()
      killHard(there(pids.get('stats-proxy')))
      assertDone(await lab.task('kwok-stats-proxy'))
      await watched()
      killHard(there(pids.get('kube-apiserver')))
      await sleep(2_000)
      assert.equal((await fetch(kubeletUrl(lab, '/nodes/kwok-node-0000/stats/summary'))).status, 200)
      assertDone(await lab.task('kwok-create-cluster'))
      await watched()
      killHard(there((await lab.partPids()).get('stats-proxy')))
      assertDone(await lab.task('kwok-stats-proxy'))
      await watched()
    } finally {
      stopped = true
      await churning
    }
    await watching
    await waitFor('the same pods as the API has', async () =>
      assertSameWords(await servedPods(lab), await runningPods(lab)),
    )
    const log = readFileSync(join(lab.dir, 'logs', 'stats-proxy.log'), 'utf8')
    assert.doesNotMatch(log, /bug:|Cannot write/)
  },
)

proxy.run()

/** Usage that chance decides, for the pods that come and go. */
const randomUsage = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterResourceUsage
metadata: { name: a-random }
spec:
  selector: { matchNamespaces: [shop] }
  usages:
    - usage:
        cpu: { expression: 'Rand() * Quantity("300m")' }
`

function there<T>(value: T | undefined): T {
  assert(value !== undefined)
  return value
}
