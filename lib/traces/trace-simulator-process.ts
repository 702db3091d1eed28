// The trace simulator's process: simulates the requests of a cluster's load generators, and sends the spans of all services. It
// only reads the cluster. Ends on SIGTERM or SIGINT, after the queued spans are sent.
//
//   node --import tsx lib/traces/trace-simulator-process.ts --kubeconfig FILE --otlp-url http://127.0.0.1:4318 --rate 5
import { writeFileSync } from 'node:fs'
import { type Daemon, logOnce, runDaemon } from '../cli/daemon.ts'
import { connect } from '../kube/api-client.ts'
import { startEmitting } from './emit-spans.ts'
import { createPodLoads } from './pod-load.ts'
import { startPushingMetrics } from './simulator-metrics.ts'
import { createSpanExporter } from './span-exporter.ts'
import { parseFlags, type TraceSimulatorFlags, USAGE } from './trace-simulator-flags.ts'
import { createTracedCluster } from './traced-cluster.ts'
import { watchCalls } from './watch-calls.ts'

const LOG_PROBLEMS_MS = 5_000

await runDaemon({ usage: USAGE, parseFlags, start })

async function start(flags: TraceSimulatorFlags, { signal, log, onStop }: Daemon): Promise<void> {
  const cluster = createTracedCluster()
  const logProblem = logOnce(log)
  const loads = createPodLoads({
    preset: flags.preset,
    onProblem: (pod, { object, why }) =>
      logProblem(
        `${object.kind} ${object.name}: ${why}, for pod ${pod.namespace}/${pod.name} (maybe others): not used there`,
      ),
  })
  const exporter = createSpanExporter({ url: flags.otlpUrl, log })
  onStop(() => exporter.close(2_000))
  const client = await connect({ kubeconfig: flags.kubeconfig, context: flags.context })
  log(`cluster ${client.context} at ${client.server}`)
  await watchCalls({ client, cluster, loads, signal, log })
  let requests = 0
  const situation = () => cluster.situation(Date.now())
  // A problem is logged when it is seen a second time: the objects of one manifest arrive one by one.
  let before = new Set(situation().problems)
  const logProblems = () => {
    const { problems } = situation()
    for (const problem of problems) if (before.has(problem)) logProblem(problem)
    before = new Set(problems)
  }
  logProblems()
  setInterval(logProblems, LOG_PROBLEMS_MS).unref()
  const { roots, endpoints } = situation()
  log(`ready: ${roots.length} load generators, ${endpoints.size} services are called, ${flags.rate} requests/s`)
  startEmitting({ cluster, loads, exporter, rate: flags.rate, signal, onRequest: () => requests++ })
  const metrics = () => {
    const { roots, endpoints, problems } = situation()
    return { requests, roots: roots.length, services: endpoints.size, problems: problems.length }
  }
  startPushingMetrics({ url: flags.otlpUrl, intervalMs: flags.intervalMs, exporter, metrics, signal })
  if (flags.readyFile !== undefined) writeFileSync(flags.readyFile, String(process.pid), { mode: 0o600 })
}
