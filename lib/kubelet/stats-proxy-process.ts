// The stats proxy's process. When it logs "ready" on stderr, each node of the cluster has a kubelet's API at
// http://ADDRESS:PORT/nodes/<node>/. Ends on SIGTERM or SIGINT.
//
//   node --import tsx lib/kubelet/stats-proxy-process.ts --kubeconfig FILE [--context NAME] --port 10250 [--address 127.0.0.1]
//   curl http://127.0.0.1:10250/nodes/node-0/stats/summary
import type { Server } from 'node:http'
import { type Daemon, listen, logOnce, runDaemon } from '../cli/daemon.ts'
import { LabError, messageOf } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import type { Reflector } from '../kube/reflector.ts'
import { takeLock } from '../system/lock.ts'
import { openStateLog, readState } from './counters/state-log.ts'
import { createStatsServer } from './kubelet-server.ts'
import { startPushing } from './push-host-metrics.ts'
import { kubeletsFile, openKubelets } from './server/open-kubelets.ts'
import { openShard } from './shards/open-shard.ts'
import { parseFlags, type StatsProxyFlags, USAGE } from './stats-proxy-flags.ts'
import { createMetrics, type StatsMetrics } from './stats-proxy-metrics.ts'
import { createStore, type StoreOptions } from './store/stats-store.ts'
import { unreadyReason, watchCluster } from './watch-cluster.ts'

await runDaemon({ usage: USAGE, parseFlags, start })

async function start(flags: StatsProxyFlags, { signal, log, onStop }: Daemon): Promise<void> {
  if (flags.stateFile !== undefined) await lockState(flags.stateFile)
  const reflectors: Record<string, Reflector> = {}
  const isSynced = () => reflectors.nodes?.synced === true && reflectors.pods?.synced === true
  // Each has its own limit of lines: a thousand invalid annotations must not hide a full disk.
  const [logAnnotationOnce, logUsageOnce, logStateOnce] = [logOnce(log), logOnce(log), logOnce(log)]
  let metrics: StatsMetrics | undefined
  const store = createStore({
    preset: flags.preset,
    ...(flags.stateFile === undefined ? {} : { state: openState(flags.stateFile) }),
    onBadAnnotation(pod, { name, value, why }) {
      metrics?.countBadAnnotation(name)
      // One line for all pods of a template.
      const problem = `${name}: ${JSON.stringify(value)} ${why}`
      logAnnotationOnce(problem, `pod ${pod.namespace}/${pod.name}: ${problem}, not used (nor on other pods)`)
    },
    onUsageProblem(pod, { object, source, why }) {
      metrics?.countUsageProblem(object.kind)
      // Without the message, which may have a different number each time.
      logUsageOnce(
        `${object.uid} ${source}`,
        `${object.kind} ${object.name}: ${why}, for pod ${pod.namespace}/${pod.name} (maybe others): not used there`,
      )
    },
    onStateError(error) {
      metrics?.countStateError()
      const why = messageOf(error)
      logStateOnce(why, `Cannot write ${flags.stateFile}: ${why}; counters may fall when this process ends`)
    },
  })
  metrics = createMetrics(store, () => reflectors)
  const readiness = () => unreadyReason(reflectors, Date.now())
  const hostNames = [flags.address, flags.hostName, flags.shard?.podIp].filter(name => name !== undefined)
  const answersFor = flags.shard === undefined ? 'all' : 'itself'
  const server = createStatsServer({ hostNames, answersFor, store, metrics, isSynced, unreadyReason: readiness, log })
  const kubelets = flags.kubelets && openKubelets(flags.kubelets, flags.stateFile, log)
  let shard: Awaited<ReturnType<typeof openShard>> | undefined
  onStop(async () => {
    await shard?.close()
    await Promise.all([closeServer(server), kubelets?.close()])
  })

  // First, so that a port in use is reported at once.
  await listen(server, { host: flags.address, port: flags.port })
  const bound = server.address()
  log(`listening on http://${flags.address}:${typeof bound === 'object' ? (bound?.port ?? flags.port) : flags.port}`)
  const client = await connect({ kubeconfig: flags.kubeconfig, context: flags.context })
  log(`cluster ${client.context} at ${client.server}`)
  const connected = await kubelets?.connect({ client, store, metrics, isSynced, signal })
  if (flags.shard !== undefined) {
    shard = await openShard(flags.shard, {
      ...{ client, store, metrics, isSynced, signal, log },
      listPods: async node => await reflectors.pods?.include({ fieldSelector: `spec.nodeName=${node}` }),
      savedPath: flags.stateFile === undefined ? undefined : kubeletsFile(flags.stateFile),
    })
    reflectors.statefulsets = shard.reflector
  }
  const watched = { addresses: connected, shard: shard?.nodes, signal, log, logOnce: logUsageOnce }
  await watchCluster({ client, store, metrics, reflectors, ...watched })
  store.endRestore()
  connected?.start()
  shard?.nodes.start()
  log(`ready: ${store.nodeCount} nodes, ${store.runningPodCount} running pods of ${store.podCount}`)
  if (flags.otlpUrl !== undefined) {
    const { otlpUrl: url, intervalMs } = flags
    startPushing({ store, metrics, url, intervalMs, isSynced, signal, log })
  }
}

/** Two processes that write the same state file would corrupt it. */
async function lockState(path: string): Promise<void> {
  const release = await takeLock({
    path: `${path}.lock`,
    waitMs: 0,
    refusal: ({ pid }) =>
      new LabError(`Cannot keep counters in ${path}`, {
        why: `another stats proxy uses it (pid ${pid})`,
        next: 'stop that one, or name another --state-file',
      }),
  })
  process.once('exit', release)
}

/** The counters of an earlier process, and the log to continue them. */
function openState(path: string): NonNullable<StoreOptions['state']> {
  return { saved: readState(path), open: live => openStateLog({ path, live }) }
}

/** Closes idle connections, which collectors keep open; responses in progress get half a second. */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(resolve, 500)
  })
}
