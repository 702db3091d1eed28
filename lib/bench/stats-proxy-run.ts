// One measurement of the stats proxy without a cluster, in a process of its own, because it measures memory. Prints one line of
// JSON (`StatsRun`).
//
//   node --import tsx lib/bench/stats-proxy-run.ts NODES PODS
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStateLog } from '../kubelet/counters/state-log.ts'
import { measureNode } from '../kubelet/endpoints/node-measurement.ts'
import { buildSummary } from '../kubelet/endpoints/stats-summary.ts'
import { nodeFacts, podFacts } from '../kubelet/objects/object-facts.ts'
import { createStore } from '../kubelet/store/stats-store.ts'
import { benchNode, benchPod } from './bench-objects.ts'

/** The results of one run, at its end. */
export type StatsRun = ReturnType<typeof run>

const [nodeCount = 1_000, podCount = 50_000] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'stats-bench-'))
try {
  process.stdout.write(`${JSON.stringify(run())}\n`)
} finally {
  rmSync(folder, { recursive: true })
}

function run() {
  const path = join(folder, 'counters.jsonl')
  const store = createStore({ state: { saved: new Map(), open: live => openStateLog({ path, live }) } })
  for (let at = 0; at < nodeCount; at++) {
    const facts = nodeFacts(benchNode(at))
    if (facts !== undefined) store.setNode(facts)
  }
  const apply = (count: number): number => {
    let spentMs = 0
    for (let from = 0; from < count; from += 1_000) {
      // Parsing is not measured: it belongs to the API client.
      const length = Math.min(count - from, 1_000)
      const objects = Array.from({ length }, (_, at) => parsed(benchPod(from + at, (from + at) % nodeCount)))
      const startMs = performance.now()
      for (const object of objects) {
        const facts = podFacts(object)
        if (facts !== undefined) store.setPod(facts)
      }
      store.flush()
      spentMs += performance.now() - startMs
    }
    return count / (spentMs / 1_000)
  }
  const addedPerSecond = apply(podCount)
  const changedPerSecond = apply(Math.min(podCount, 20_000))
  const names = store.nodeNames()
  for (const name of names.slice(0, 50)) serve(name)
  const cpu = process.cpuUsage()
  const times = names.map(serve)
  const { user, system } = process.cpuUsage(cpu)
  const allSummariesMs = times.reduce((sum, each) => sum + each, 0)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return {
    // Events per second from the parsed object to the store and its state file: new pods, then changed pods.
    addedPerSecond,
    changedPerSecond,
    // The time to write every node's summary once.
    allSummariesMs,
    /** The same in CPU time. */
    allSummariesCpuMs: (user + system) / 1_000,
    medianMs: at(0.5),
    p99Ms: at(0.99),
    residentMib: process.memoryUsage.rss() / 2 ** 20,
    stateMib: store.stateBytes / 2 ** 20,
  }

  /** Writes one node's summary. Gives the milliseconds. */
  function serve(name: string): number {
    const startedMs = performance.now()
    const read = store.read(name)
    if (read !== undefined) JSON.stringify(buildSummary(measureNode(read.entry, read.nowMs)))
    return performance.now() - startedMs
  }
}

/** As the API client gives an object. */
function parsed(object: unknown): unknown {
  return JSON.parse(JSON.stringify(object))
}
