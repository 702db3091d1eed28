// The stats proxy's process: when it says so on stderr, each node of the cluster has a kubelet's API at
// http://ADDRESS:PORT/nodes/<node>/. Ends on SIGTERM or SIGINT.
//
//   node --import tsx lib/stats/main.ts --kubeconfig FILE [--context NAME] --port 10250 [--address 127.0.0.1]
//   curl http://127.0.0.1:10250/nodes/node-0/stats/summary
import type { Server } from 'node:http'
import { parseArgs } from 'node:util'
import { describeError, LabError, systemErrorCode, UsageError } from '../errors.ts'
import { connect, type KubeClient } from '../kube/client.ts'
import { type Reflector, type ReflectorEvent, startReflector } from '../kube/reflector.ts'
import { createMetrics, type StatsMetrics } from './metrics.ts'
import { nodeFacts, podFacts } from './objects.ts'
import { unreadyReason } from './readiness.ts'
import { createStatsServer } from './server.ts'
import { createStore, type StatsStore } from './store.ts'

interface Flags {
  kubeconfig: string | undefined
  context: string | undefined
  address: string
  port: number
}

const USAGE = `The stats proxy: a kubelet's API for each simulated node.

  node --import tsx lib/stats/main.ts --port N [flags]

  --kubeconfig FILE   the cluster (default: the pod's own, else KUBECONFIG, else ~/.kube/config)
  --context NAME      a context in it (default: its current one)
  --port N            where it listens; 0 takes a free port and says which
  --address HOST      default 127.0.0.1
`

const stopping = new AbortController()

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!stopping.signal.aborted) {
    log(describeError(error))
    process.exit(error instanceof LabError ? error.exitCode : 1)
  }
}

async function main(args: string[]): Promise<void> {
  const flags = parseFlags(args)
  if (flags === undefined) {
    process.stdout.write(USAGE)
    return
  }
  const reflectors: Record<string, Reflector> = {}
  let metrics: StatsMetrics | undefined
  const seen = new Set<string>()
  const store = createStore({
    onBadAnnotation(pod, { name, value, why }) {
      metrics?.countBadAnnotation(name)
      // Ten thousand pods of one bad template are one line.
      if (seen.size >= 1_000 || seen.has(`${name}=${value}`)) return
      seen.add(`${name}=${value}`)
      log(`pod ${pod.namespace}/${pod.name}: ${name}: ${JSON.stringify(value)} ${why}, not used (nor on other pods)`)
    },
  })
  metrics = createMetrics(store, () => reflectors)
  const server = createStatsServer({
    store,
    metrics,
    isSynced: () => reflectors.nodes?.synced === true && reflectors.pods?.synced === true,
    unreadyReason: () => unreadyReason(reflectors, Date.now()),
    log,
  })
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop(name, server))

  // Before anything that takes time: a port in use is known at once.
  await listen(server, flags)
  const client = await connect({ kubeconfig: flags.kubeconfig, context: flags.context })
  log(`cluster ${client.context} at ${client.server}`)
  Object.assign(reflectors, reflect(client, store, metrics))
  await Promise.all(Object.values(reflectors).map(reflector => reflector.firstSync))
  log(`ready: ${store.nodeCount} nodes, ${store.runningPodCount} running pods of ${store.podCount}`)
}

function reflect(client: KubeClient, store: StatsStore, metrics: StatsMetrics): Record<string, Reflector> {
  const common = { client, signal: stopping.signal, log }
  const counted =
    <T>(kind: string, apply: (event: ReflectorEvent<T>) => void) =>
    (event: ReflectorEvent<T>) => {
      metrics.countEvent(kind, event.type)
      apply(event)
    }
  return {
    nodes: startReflector({
      ...common,
      path: '/api/v1/nodes',
      reduce: nodeFacts,
      apply: counted('nodes', event => {
        if (event.type === 'set') store.setNode(event.object)
        else store.deleteNode(event.key)
      }),
    }),
    pods: startReflector({
      ...common,
      path: '/api/v1/pods',
      query: { fieldSelector: 'spec.nodeName!=' },
      reduce: podFacts,
      apply: counted('pods', event => {
        if (event.type === 'set') store.setPod(event.object)
        else store.deletePod(event.key)
      }),
    }),
  }
}

function listen(server: Server, { address, port }: Flags): Promise<void> {
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

function stop(signalName: string, server: Server): void {
  log(`${signalName}: ending`)
  stopping.abort()
  // Idle connections of collectors would keep it open for ever; an answer under way gets half a second.
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  setTimeout(() => process.exit(0), 500).unref()
}

function parseFlags(args: string[]): Flags | undefined {
  const { values } = parseStrict(args)
  if (values.help === true) return undefined
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) {
    throw new UsageError(`Cannot use --port ${values.port ?? ''}`, { next: 'give a number from 0 to 65535' })
  }
  return { kubeconfig: values.kubeconfig, context: values.context, address: values.address, port }
}

function parseStrict(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        port: { type: 'string' },
        address: { type: 'string', default: '127.0.0.1' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError('Cannot start the stats proxy', {
      why: error instanceof Error ? error.message : String(error),
    })
  }
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}
