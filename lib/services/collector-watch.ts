/**
 * The process that gives the collector one receiver for each node of the cluster, within ten seconds after a node is created or deleted,
 * and Prometheus the rules of RULES_DIR, within ten seconds after a file has changed.
 * tasks/kwok-collector.ts starts it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError } from '../cli/errors.ts'
import { parseCommandLine } from '../cli/settings.ts'
import { connect } from '../kube/api-client.ts'
import { fields, text } from '../kube/json.ts'
import { internalIp } from '../kube/node-address.ts'
import { startReflector } from '../kube/reflector.ts'
import { kubeconfigPath } from '../lab/kubeconfig.ts'
import { openLab, writeFileAtomically } from '../lab/lab.ts'
import { nodesWithAddress, reloadCollector, watchReadyPath, writeCollectorConfig } from './collector.ts'
import { prometheus } from './prometheus.ts'
import { labServices } from './service.ts'
import { watchUserRules } from './user-rules.ts'

/** Nodes change in bursts, and each reload restarts the pipelines: wait for a pause, up to a limit. */
const PAUSE_MS = 1_000
const AT_MOST_MS = 4_000

const line = parseCommandLine(process.argv.slice(2), { settings: ['clusterName'] })
const open = () => openLab({ flags: line.settings, env: process.env })
const lab = open()
const services = labServices(lab)
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())

/** Name, and InternalIP if it has one, of each node. */
type Node = readonly [string, string | undefined]
const nodes = new Map<string, Node>()
let changedMs: number | undefined
let quietSinceMs = 0
let isFirstList = true
const client = await connect({ kubeconfig: kubeconfigPath(lab, 'collector') })
const reflector = startReflector<Node>({
  client,
  path: '/api/v1/nodes',
  reduce: raw => {
    const { metadata, status } = fields(raw)
    return [text(fields(metadata)['name']) ?? '', internalIp(status)]
  },
  apply(event) {
    if (event.type === 'deleted') nodes.delete(event.key)
    else if (isSame(nodes.get(event.key), event.object)) return
    else nodes.set(event.key, event.object)
    quietSinceMs = Date.now()
    changedMs ??= quietSinceMs
  },
  signal: stop.signal,
  log: say,
})

const applyRules = watchUserRules({
  open,
  // LGTM's Prometheus sees the changed files by itself.
  reload: async () => await services.signal(prometheus, 'SIGHUP'),
  say,
})

while (!stop.signal.aborted) {
  await sleep(200)
  await applyRules().catch((error: unknown) => say(describeError(error)))
  if (changedMs === undefined || !reflector.synced) continue
  const now = Date.now()
  // The first list is no burst: kwok-collector has just written the configuration of these nodes.
  if (!isFirstList && now - quietSinceMs < PAUSE_MS && now - changedMs < AT_MOST_MS) continue
  isFirstList = false
  changedMs = undefined
  try {
    const startedMs = Date.now()
    const withAddress = nodesWithAddress(lab, nodes.values())
    const waiting = nodes.size - withAddress.size
    // Their addresses will be changes too.
    if (waiting > 0) say(`${waiting} of ${nodes.size} nodes have no address yet`)
    // METRICS may have changed.
    await writeCollectorConfig(open(), withAddress)
    const done = await reloadCollector(lab, services)
    if (done === 'reloaded') say(`${withAddress.size} nodes, collector reloaded in ${Date.now() - startedMs} ms`)
    // A collector that is starting may have read the old file: try again.
    if (done === 'not running') await waitAndRetry()
    writeFileAtomically(watchReadyPath(lab), String(process.pid))
  } catch (error) {
    say(describeError(error))
    await waitAndRetry()
  }
}
await reflector.stopped
client.close()

async function waitAndRetry(): Promise<void> {
  await sleep(AT_MOST_MS, undefined, { signal: stop.signal }).catch(() => undefined)
  changedMs ??= Date.now()
}

function isSame(before: Node | undefined, now: Node): boolean {
  return before !== undefined && before[0] === now[0] && before[1] === now[1]
}

function say(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`)
}
