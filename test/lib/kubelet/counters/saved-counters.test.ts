import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { suite } from 'uvu'
import type { CoreTime } from '../../../../lib/kubelet/counters/core-times.ts'
import { type KubeletWork, sumOfWork, workAt } from '../../../../lib/kubelet/counters/kubelet-work.ts'
import { openStateLog, readState } from '../../../../lib/kubelet/counters/state-log.ts'
import { cadvisorMetrics } from '../../../../lib/kubelet/endpoints/cadvisor-metrics.ts'
import { type MeasuredNode, measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { presetNames } from '../../../../lib/kubelet/objects/facts.ts'
import { createStore, type StatsStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { usageObject } from '../../../../lib/kubelet/usage/usage-objects.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

const folder = mkdtempSync(join(tmpdir(), 'stats-state-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newFile = () => join(folder, `${files++}.jsonl`)

/** A store as a new process has it: nothing but what is in the file. Whatever an earlier one had in memory is lost. */
function startStore(path: string, clock: () => number): StatsStore {
  return createStore({
    clock,
    state: { saved: readState(path), open: live => openStateLog({ path, live, compactAtBytes: 2_000 }) },
  })
}

function serve(store: StatsStore) {
  const { entry, nowMs } = there(store.read('node-0'))
  const measured = measureNode(entry, nowMs)
  const meters = [...entry.pods.values()].flatMap(({ meter }) => meter ?? [])
  return { ...measured, work: sumOfWork([entry.retired.work, ...meters.map(meter => workAt(meter, nowMs))]) }
}

/** Every counter that a measured node tells, by name; pods' by UID. */
function countersOf(measured: MeasuredNode & { work: KubeletWork }): Map<string, number> {
  const counters = new Map<string, number>()
  const put = (name: string, sample: object) => {
    for (const [field, value] of Object.entries(sample)) {
      if (/CoreNanoSeconds|Faults|readBytes|writtenBytes|rxBytes|txBytes/.test(field))
        counters.set(`${name} ${field}`, value)
    }
  }
  put('node', measured.total)
  put('node', measured.traffic)
  for (const each of measured.pods) {
    put(each.facts.uid, each.total)
    put(each.facts.uid, each.traffic)
  }
  const line =
    /^(container_cpu_cfs_\w+|container_memory_failcnt)\{container="(\w+)",id="[^"]*\/pod(\w[\w-]*)\/.* (\S+) \d+$/gm
  for (const [, key, container, uid, value] of cadvisorMetrics(measured).text().matchAll(line)) {
    counters.set(`${uid} ${container} ${key}`, Number(value))
  }
  for (const [name, value] of Object.entries(measured.work)) counters.set(`kubelet ${name}`, value)
  return counters
}

const restarts = suite('createStore() with state')

restarts('counts network errors while a scenario annotates the node, and keeps them afterwards', () => {
  const path = newFile()
  let nowMs = START_MS
  let scenario: string | undefined
  const start = () => {
    const store = startStore(path, () => nowMs)
    store.setNode({ ...node(), scenario })
    store.endRestore()
    return store
  }
  const errorsAfter = (store: StatsStore, ms: number) => {
    nowMs += ms
    return serve(store).errors
  }
  let store = start()
  assert.deepEqual(errorsAfter(store, 60_000), { rx: 0, tx: 0 })
  scenario = 'network-errors'
  store.setNode({ ...node(), scenario })
  assert.deepEqual(errorsAfter(store, 1_000), { rx: 0, tx: 0 })
  assert.deepEqual(errorsAfter(store, 10_000), { rx: 1_000, tx: 500 })
  // Killed: an errorless time in between.
  store = start()
  assert.deepEqual(errorsAfter(store, 5_000), { rx: 1_000, tx: 500 })
  scenario = undefined
  store.setNode({ ...node(), scenario })
  assert.deepEqual(errorsAfter(store, 1_000), { rx: 1_100, tx: 550 })
  assert.deepEqual(errorsAfter(store, 60_000), { rx: 1_100, tx: 550 })
  assert.deepEqual(errorsAfter(start(), 60_000), { rx: 1_100, tx: 550 })
})

const usages = [
  { value: '50m' },
  { expression: 'Quantity(pod.metadata.annotations["kwok.x-k8s.io/usage-cpu"])' },
  { expression: 'Rand() * Quantity("500m")' },
  { expression: 'Quantity("100m") * (pod.SinceSecond() / 60.0)' },
]
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('serve' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      uid: fc.constantFrom('a', 'b', 'c'),
      phase: fc.constantFrom('Running', 'Running', 'Running', 'Pending', 'Succeeded'),
      cpu: fc.constantFrom('0', '1m', '100m', '9'),
      restarts: fc.constantFrom(0, 0, 1, 7),
      preset: fc.constantFrom(...presetNames, undefined, undefined, undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), uid: fc.constantFrom('a', 'b', 'c') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('usage' as const), usage: fc.constantFrom(...usages, undefined) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), change: fc.boolean() }) },
)
const sequences = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 3e6 })), { minLength: 5, maxLength: 40 })

restarts('no counter decreases for any changes of pods and objects, whenever the process is killed', async () => {
  await fc.assert(
    fc.asyncProperty(sequences, async sequence => {
      const path = newFile()
      let nowMs = START_MS
      const cluster = { pods: new Map<string, ReturnType<typeof pod>>(), usage: undefined as object | undefined }
      const setUsage = (store: StatsStore) => {
        const spec = { usages: [{ usage: { cpu: cluster.usage } }] }
        if (cluster.usage === undefined) store.deleteUsageObject('u')
        else
          store.setUsageObject(there(usageObject('ClusterResourceUsage', { metadata: { uid: 'u', name: 'u' }, spec })))
      }
      const start = () => {
        const store = startStore(path, () => nowMs)
        setUsage(store)
        store.setNode(node())
        for (const each of cluster.pods.values()) store.setPod(each)
        store.endRestore()
        return store
      }
      let store = start()
      let before = new Map<string, number>()
      /** The last number of restarts of each pod. */
      const restarts = new Map<string, number>()
      for (const [todo, waitMs] of sequence) {
        nowMs += waitMs
        if (todo.do === 'set') {
          const annotations = {
            'kwok.x-k8s.io/usage-cpu': todo.cpu,
            ...(todo.preset === undefined ? {} : { 'kube-otel-lab/usage-preset': todo.preset }),
          }
          const containerStatuses = [{ name: 'app', restartCount: todo.restarts, state: { running: {} } }]
          const facts = pod({ uid: todo.uid, phase: todo.phase, annotations, containerStatuses })
          // The restarted container has new counters; those of its pod continue.
          if (todo.restarts > (restarts.get(todo.uid) ?? 0)) {
            for (const name of before.keys()) if (name.startsWith(`${todo.uid} app `)) before.delete(name)
          }
          restarts.set(todo.uid, todo.restarts)
          cluster.pods.set(todo.uid, facts)
          store.setPod(facts)
        } else if (todo.do === 'delete') {
          cluster.pods.delete(todo.uid)
          store.deletePod(todo.uid)
          restarts.delete(todo.uid)
          for (const name of before.keys()) if (name.startsWith(`${todo.uid} `)) before.delete(name)
        } else if (todo.do === 'usage') {
          cluster.usage = todo.usage
          setUsage(store)
        } else if (todo.do === 'kill') {
          // Changed while no stats proxy ran.
          if (todo.change) {
            const annotations = { 'kwok.x-k8s.io/usage-cpu': '2m' }
            for (const uid of cluster.pods.keys()) cluster.pods.set(uid, pod({ uid, annotations }))
            restarts.clear()
          }
          await turn()
          nowMs += 10
          store = start()
        }
        const after = countersOf(serve(store))
        // A pod that doesn't run isn't told of, but if it runs again it goes on.
        for (const [name, value] of after) {
          const old = before.get(name) ?? 0
          assert(value >= old, `${name} fell from ${old} to ${value} at ${todo.do}`)
        }
        before = new Map([...before, ...after])
      }
    }),
    { numRuns: 300 },
  )
})

restarts('continues exactly where it ended', () => {
  const path = newFile()
  let nowMs = START_MS + 5_000
  const first = startStore(path, () => nowMs)
  first.setNode(node())
  first.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100m' } }))
  nowMs += 100_000
  first.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '10m' } }))
  first.deletePod('none')
  const before = serve(first)
  nowMs += 1_000_000
  const second = startStore(path, () => nowMs)
  second.setNode(node())
  second.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '10m' } }))
  second.endRestore()
  const uninterrupted = serve(first)
  assert.deepEqual(countersOf(serve(second)), countersOf(uninterrupted))
  assert(uninterrupted.total.usageCoreNanoSeconds > before.total.usageCoreNanoSeconds)
})

restarts('adds the counters of pods deleted between two processes to their node', () => {
  const path = newFile()
  let nowMs = START_MS + 60_000
  const first = startStore(path, () => nowMs)
  first.setNode(node())
  first.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '4' } }))
  const before = serve(first)
  nowMs += 3_600_000
  const second = startStore(path, () => nowMs)
  second.setNode(node())
  second.endRestore()
  const after = serve(second)
  assert.equal(after.pods.length, 0)
  const gained = after.ofPods.usageCoreNanoSeconds - before.ofPods.usageCoreNanoSeconds
  // At most what the pod used in the second that the clock had been told ahead.
  assert(gained >= 0 && gained <= 4.2e9, String(gained))
})

restarts('has a clock that does not go back after a restart', () => {
  const path = newFile()
  const first = startStore(path, () => START_MS + 60_000)
  first.setNode(node())
  const { nowMs } = there(first.read('node-0'))
  assert(startStore(path, () => START_MS).now() >= nowMs)
})

const nodeBusyNs = (store: StatsStore, nowMs: number) =>
  measureNode(there(store.node('node-0')), nowMs).total.usageCoreNanoSeconds

/** What a push tells of each core. */
function tellCores(store: StatsStore, nowMs: number): CoreTime[] {
  const { entry } = there(store.read('node-0'))
  const { startMs } = measureNode(entry, nowMs)
  const told = store.coreTimes(entry, { startMs, nowMs, busyNs: nodeBusyNs(store, nowMs) })
  store.flush()
  return told
}

restarts('keeps idle time when usage exceeds the capacity of the node', () => {
  const path = newFile()
  let nowMs = START_MS + 60_000
  const idle = (store: StatsStore) => tellCores(store, nowMs).map(({ idleNs }) => idleNs)
  const first = startStore(path, () => nowMs)
  first.setNode(node())
  const before = idle(first)
  nowMs += 2_000
  const second = startStore(path, () => nowMs)
  second.setNode(node())
  second.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100' } }))
  second.endRestore()
  assert(before.length === 8 && before.every(each => each > 0))
  assert.deepEqual(idle(second), before)
})

restarts('no core’s time decreases when the core count changes between two processes, and cores add up', () => {
  const path = newFile()
  let nowMs = START_MS + 60_000
  let before: CoreTime[] = []
  const busyOf = (times: CoreTime[]) => times.reduce((sum, { busyNs }) => sum + busyNs, 0)
  for (const cores of [8, 8, 16, 16, 4, 4, 16]) {
    const store = startStore(path, () => nowMs)
    store.setNode({ ...node(), cpuCapacityNanoCores: cores * 1e9 })
    store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '2' } }))
    store.endRestore()
    const times = tellCores(store, nowMs)
    assert.equal(times.length, cores)
    for (const [at, { busyNs, idleNs }] of times.entries()) {
      const earlier = before[at] ?? { busyNs: 0, idleNs: 0 }
      assert(busyNs >= earlier.busyNs && idleNs >= earlier.idleNs, `core ${at} of ${cores}`)
    }
    // What was known of cores that are not there is still known when they are back.
    before = [...times, ...before.slice(times.length)]
    nowMs += 10_000
    const later = tellCores(store, nowMs)
    // All cores together were as busy as the node.
    const passedNs = nodeBusyNs(store, nowMs) - nodeBusyNs(store, nowMs - 10_000)
    assert(Math.abs(busyOf(later) - busyOf(times) - passedNs) < 1e6, `${busyOf(later) - busyOf(times)}`)
    before = [...later, ...before.slice(later.length)]
  }
})

restarts('writes changes without a reader', () => {
  const path = newFile()
  const store = startStore(path, () => START_MS)
  store.setNode(node())
  for (let at = 0; at < 1_001; at++) store.setPod(pod({ uid: `p${at}` }))
  assert.equal([...readState(path).keys()].filter(key => key.startsWith('p')).length >= 999, true)
})

restarts('starts the counters of a pod with a new UID at zero', () => {
  const path = newFile()
  let nowMs = START_MS + 60_000
  const first = startStore(path, () => nowMs)
  first.setNode(node())
  first.setPod(pod({ uid: 'old' }))
  serve(first)
  nowMs += 1_000
  const second = startStore(path, () => nowMs)
  second.setNode(node())
  second.setPod(pod({ uid: 'new', startTime: new Date(nowMs).toISOString() }))
  second.endRestore()
  assert.equal(serve(second).pods[0]?.total.usageCoreNanoSeconds, 0)
})

restarts.run()

const logs = suite('openStateLog()')

logs('keeps the latest value of each key, and ignores a truncated line', () => {
  const path = newFile()
  const log = openStateLog({ path, live: () => [] })
  log.write([
    ['a', 1],
    ['b', 1],
  ])
  log.write([['a', 2]])
  log.write([['b', null]])
  log.flush()
  appendFileSync(path, '[["a",3],["c"')
  assert.deepEqual([...readState(path)], [['a', 2]])
  const again = openStateLog({ path, live: () => [] })
  again.write([['d', 4]])
  again.flush()
  assert.deepEqual(
    [...readState(path)],
    [
      ['a', 2],
      ['d', 4],
    ],
  )
})

logs('is bounded by the current keys, even if they change during compaction', async () => {
  const path = newFile()
  const alive = new Map<string, number>()
  const log = openStateLog({ path, live: () => alive, compactAtBytes: 10_000 })
  for (let at = 0; at < 50_000; at++) {
    const key = `key-${at % 1_500}`
    if (at % 7 === 0) {
      alive.delete(key)
      log.write([[key, null]])
    } else {
      alive.set(key, at)
      log.write([[key, at]])
    }
    if (at % 50 === 0) {
      log.flush()
      await turn()
    }
  }
  log.flush()
  assert.deepEqual(new Map(readState(path)), alive)
  assert(statSync(path).size < 250_000, String(statSync(path).size))
})

logs('counts the file of an earlier process, so that restarts do not make it grow', async () => {
  const path = newFile()
  for (let at = 0; at < 20; at++) {
    const log = openStateLog({ path, live: () => [['key', at]], compactAtBytes: 2_000 })
    assert.equal(log.bytes, statSync(path).size)
    log.write([['key', 'x'.repeat(1_000)]])
    log.flush()
    await turn()
  }
  assert(statSync(path).size < 4_000, String(statSync(path).size))
})

logs('reads a file with other content as empty', () => {
  const path = newFile()
  writeFileSync(path, 'what\n{"a":1}\n[["ok",1]]\n[[7,7]]\n\0\0')
  assert.deepEqual([...readState(path)], [['ok', 1]])
})

logs.run()
