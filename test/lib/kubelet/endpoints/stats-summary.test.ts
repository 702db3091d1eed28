import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { buildSummary } from '../../../../lib/kubelet/endpoints/stats-summary.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

const NOW_MS = START_MS + 600_000

/** The summary of a node with these pods, ten minutes after its start. */
function summaryOf(...pods: ReturnType<typeof pod>[]) {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  for (const each of pods) store.setPod(each)
  return buildSummary(measureNode(there(store.node('node-0')), NOW_MS))
}

const sum = (values: (number | undefined)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0)
const builds = suite('buildSummary()')

builds('adds up: containers to pods, pods and system to the node', () => {
  const { node: stats, pods } = summaryOf(pod(), pod({ uid: 'b', name: 'b' }), pod({ uid: 'c', hostNetwork: true }))
  assert.equal(pods.length, 3)
  for (const each of pods) {
    assert.equal(each.cpu.usageNanoCores, sum(each.containers.map(({ cpu }) => cpu.usageNanoCores)))
    assert.equal(each.cpu.usageCoreNanoSeconds, sum(each.containers.map(({ cpu }) => cpu.usageCoreNanoSeconds)))
    assert.equal(each.memory.workingSetBytes, sum(each.containers.map(({ memory }) => memory.workingSetBytes)))
    const local = [
      ...each.containers.flatMap(({ rootfs, logs }) => [rootfs?.usedBytes, logs?.usedBytes]),
      each.volume?.find(({ name }) => name === 'scratch')?.usedBytes,
    ]
    assert.equal(each['ephemeral-storage'].usedBytes, sum(local))
  }
  assert.equal(stats.cpu.usageNanoCores, sum(stats.systemContainers.map(({ cpu }) => cpu.usageNanoCores)))
  assert.equal(stats.memory.workingSetBytes, sum(stats.systemContainers.map(({ memory }) => memory.workingSetBytes)))
  const ofPods = there(stats.systemContainers.find(({ name }) => name === 'pods'))
  assert.equal(ofPods.cpu.usageCoreNanoSeconds, sum(pods.map(({ cpu }) => cpu.usageCoreNanoSeconds)))
  assert.equal(ofPods.memory.rssBytes, sum(pods.map(({ memory }) => memory.rssBytes)))
  assert(stats.network.rxBytes > sum(pods.map(({ network }) => network?.rxBytes)))
})

builds('available memory is capacity or limit minus working set', () => {
  const { node: stats, pods } = summaryOf(pod())
  assert.equal(stats.memory.availableBytes, 32 * 2 ** 30 - stats.memory.workingSetBytes)
  const [app, proxy] = there(pods[0]).containers
  assert.equal(app?.memory.availableBytes, 128 * 2 ** 20 - Number(app?.memory.workingSetBytes))
  assert.equal(proxy?.memory.availableBytes, undefined)
  assert.equal(pods[0]?.memory.availableBytes, undefined)
  assert.equal(stats.fs.availableBytes, stats.fs.capacityBytes - stats.fs.usedBytes)
})

builds('has only running pods with their running containers', () => {
  const stopped = { containerStatuses: [{ name: 'proxy', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
  const { pods } = summaryOf(
    pod({ uid: 'pending', phase: 'Pending' }),
    pod({ uid: 'done', phase: 'Succeeded' }),
    pod({ uid: 'failed', phase: 'Failed' }),
    pod(stopped),
  )
  assert.deepEqual(
    pods.map(each => each.containers.map(({ name }) => name)),
    [['app']],
  )
})

builds('names the claim of a volume, and omits volumes that a kubelet does not measure', () => {
  const volumes = there(there(summaryOf(pod()).pods[0]).volume)
  assert.deepEqual(
    volumes.map(({ name, pvcRef }) => [name, pvcRef]),
    [
      ['data', { name: 'data-web', namespace: 'shop' }],
      ['scratch', undefined],
      ['token', undefined],
    ],
  )
})

builds('has no network for a pod on its host’s network', () => {
  assert.equal('network' in there(summaryOf(pod({ hostNetwork: true })).pods[0]), false)
})

builds('writes only whole numbers, for any annotations', () => {
  const annotations = { 'kwok.x-k8s.io/usage-cpu': '8999999', 'kwok.x-k8s.io/usage-memory': '8000Ti' }
  const pods = Array.from({ length: 200 }, (_, at) => pod({ uid: `p${at}`, annotations, containers: [{ name: 'a' }] }))
  const store = createStore({ clock: () => START_MS + 1e12 })
  store.setNode(node())
  for (const each of pods) store.setPod(each)
  const json = JSON.stringify(buildSummary(measureNode(there(store.node('node-0')), START_MS + 1e12)))
  for (const [, value = ''] of json.matchAll(/":(-?[\d.][^,}\]]*)/g)) {
    assert.match(value, /^\d+$/)
    assert(BigInt(value) < 2n ** 64n, value)
  }
  assert.doesNotMatch(json, /null/)
})

builds.run()
