// The stats proxy's process: when it says so on stderr, each node of the cluster has a kubelet's API at
// http://ADDRESS:PORT/nodes/<node>/. Ends on SIGTERM or SIGINT.
//
//   node --import tsx lib/kubelet/stats-proxy-process.ts --kubeconfig FILE [--context NAME] --port 10250 [--address 127.0.0.1]
//   curl http://127.0.0.1:10250/nodes/node-0/stats/summary
import type { Server } from 'node:http'
import { type Daemon, logOnce, runDaemon } from '../cli/daemon.ts'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import type { Reflector } from '../kube/reflector.ts'
import { takeLock } from '../system/lock.ts'
import { openStateLog, readState } from './counters/state-log.ts'
import { createStatsServer } from './kubelet-server.ts'
import { startPushing } from './push-host-metrics.ts'
import { type Flags, parseFlags, USAGE } from './stats-proxy-flags.ts'
import { createMetrics, type StatsMetrics } from './stats-proxy-metrics.ts'
import { unreadyReason } from './stats-proxy-readiness.ts'
import { createStore, type StoreOptions } from './store/stats-store.ts'
import { follow } from './watch-cluster.ts'

await runDaemon({ usage: USAGE, parseFlags, start })

async function start(flags: Flags, { signal, log, onStop }: Daemon): Promise<void> {
  if (flags.stateFile !== undefined) await lockState(flags.stateFile)
  const reflectors: Record<string, Reflector> = {}
  const isSynced = () => reflectors.nodes?.synced === true && reflectors.pods?.synced === true
  // Each with lines of its own: a thousand odd annotations must not hide that the disk is full.
  const [onceOfAnnotations, onceOfUsage, onceOfState] = [logOnce(log), logOnce(log), logOnce(log)]
  let metrics: StatsMetrics | undefined
  const store = createStore({
    preset: flags.preset,
    ...(flags.stateFile === undefined ? {} : { state: openState(flags.stateFile) }),
    onBadAnnotation(pod, { name, value, why }) {
      metrics?.countBadAnnotation(name)
      // Ten thousand pods of one bad template are one line.
      const said = `${name}: ${JSON.stringify(value)} ${why}`
      onceOfAnnotations(said, `pod ${pod.namespace}/${pod.name}: ${said}, not used (nor on other pods)`)
    },
    onUsageProblem(pod, { object, source, why }) {
      metrics?.countUsageProblem(object.kind)
      // Not by what is wrong, which may name another number each time.
      onceOfUsage(
        `${object.uid} ${source}`,
        `${object.kind} ${object.name}: ${why}, for pod ${pod.namespace}/${pod.name} (maybe others): not used there`,
      )
    },
    onStateError(error) {
      metrics?.countStateError()
      const why = error instanceof Error ? error.message : String(error)
      onceOfState(why, `Cannot write ${flags.stateFile}: ${why}; counters may fall when this process ends`)
    },
  })
  metrics = createMetrics(store, () => reflectors)
  const readiness = () => unreadyReason(reflectors, Date.now())
  const hostNames = [flags.address, ...(flags.hostName === undefined ? [] : [flags.hostName])]
  const server = createStatsServer({ hostNames, store, metrics, isSynced, unreadyReason: readiness, log })
  onStop(() => ended(server))

  // Before anything that takes time: a port in use is known at once.
  await listen(server, flags, log)
  const client = await connect({ kubeconfig: flags.kubeconfig, context: flags.context })
  log(`cluster ${client.context} at ${client.server}`)
  await follow({ client, store, metrics, reflectors, signal, log, once: onceOfUsage })
  store.endRestore()
  log(`ready: ${store.nodeCount} nodes, ${store.runningPodCount} running pods of ${store.podCount}`)
  if (flags.otlpUrl !== undefined) {
    const { otlpUrl: url, intervalMs } = flags
    startPushing({ store, metrics, url, intervalMs, isSynced, signal, log })
  }
}

/** Two processes that write one state would both spoil it. */
async function lockState(path: string): Promise<void> {
  const letGo = await takeLock({
    path: `${path}.lock`,
    waitMs: 0,
    refusal: ({ pid }) =>
      new LabError(`Cannot keep counters in ${path}`, {
        why: `another stats proxy does (pid ${pid})`,
        next: 'stop that one, or name another --state-file',
      }),
  })
  process.once('exit', letGo)
}

/** The counters of an earlier process, and the file they go on in. */
function openState(path: string): NonNullable<StoreOptions['state']> {
  return { saved: readState(path), open: live => openStateLog({ path, live }) }
}

function listen(server: Server, { address, port }: Flags, log: Daemon['log']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const isTaken = systemErrorCode(error) === 'EADDRINUSE'
      reject(
        new LabError(`Cannot listen on ${address}:${port}`, {
          why: isTaken ? `port ${port} is in use` : error.message,
          next: isTaken ? 'name a free port, or stop what holds this one' : undefined,
          cause: error,
        }),
      )
    })
    server.listen(port, address, () => {
      const bound = server.address()
      log(`listening on http://${address}:${typeof bound === 'object' ? (bound?.port ?? port) : port}`)
      resolve()
    })
  })
}

/** Idle connections of collectors would keep it open for ever; an answer under way gets half a second. */
function ended(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(resolve, 500)
  })
}
