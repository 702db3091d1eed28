/**
 * The process that keeps the collector's receivers and the cluster's nodes the same: whoever adds or removes a node, also by
 * kubectl, the collector has a receiver for each within ten seconds. Started by tasks/kwok-collector.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError } from '../errors.ts'
import { connect } from '../kube/client.ts'
import { fields, text } from '../kube/json.ts'
import { startReflector } from '../kube/reflector.ts'
import { kubeconfigPath } from '../kubeconfig.ts'
import { openLab } from '../lab.ts'
import { binaryServices } from '../services.ts'
import { parseCommandLine } from '../settings.ts'
import { reloadCollector, writeCollectorConfig } from './collector.ts'

/** Nodes come in bursts, and each reload restarts the pipelines: wait for a pause, but not for long. */
const PAUSE_MS = 1_000
const AT_MOST_MS = 4_000

const line = parseCommandLine(process.argv.slice(2), { settings: ['clusterName'] })
const lab = openLab({ flags: line.flags, env: process.env })
const services = binaryServices(lab)
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())

const nodes = new Map<string, string>()
let changedMs: number | undefined
let quietSinceMs = 0
const client = await connect({ kubeconfig: kubeconfigPath(lab, 'collector') })
const reflector = startReflector<string>({
  client,
  path: '/api/v1/nodes',
  reduce: raw => text(fields(fields(raw)['metadata'])['name']),
  apply(event) {
    if (event.type === 'deleted') nodes.delete(event.key)
    else if (nodes.get(event.key) === event.object) return
    else nodes.set(event.key, event.object)
    quietSinceMs = Date.now()
    changedMs ??= quietSinceMs
  },
  signal: stop.signal,
  log: say,
})

while (!stop.signal.aborted) {
  await sleep(200)
  if (changedMs === undefined || !reflector.synced) continue
  const now = Date.now()
  if (now - quietSinceMs < PAUSE_MS && now - changedMs < AT_MOST_MS) continue
  changedMs = undefined
  try {
    const startedMs = Date.now()
    if (!(await writeCollectorConfig(lab, [...nodes.values()]))) continue
    const told = await reloadCollector(services)
    say(
      `${nodes.size} nodes; ${told ? 'collector reloaded' : 'the collector does not run'} (${Date.now() - startedMs} ms)`,
    )
  } catch (error) {
    say(describeError(error))
    changedMs = Date.now()
    await sleep(AT_MOST_MS)
  }
}
await reflector.stopped
client.close()

function say(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`)
}
