// One measurement of the trace simulator without a cluster, in a process of its own: 100 services of 10 pods each send spans to
// a receiver in another process at the highest rate. Prints one line of JSON (`TracesRun`).
//
//   node --import tsx lib/bench/trace-simulator-run.ts SECONDS
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { podFacts } from '../kubelet/objects/object-facts.ts'
import { emit } from '../traces/emit-spans.ts'
import { createPodLoads } from '../traces/pod-load.ts'
import { createSpanExporter } from '../traces/span-exporter.ts'
import { createTracedCluster } from '../traces/traced-cluster.ts'
import { serviceFacts, tracedPod, workloadFacts } from '../traces/traced-objects.ts'

/** The results of one run. */
export interface TracesRun {
  spans: number
  requests: number
  /** Spans accepted by the receiver, per CPU second of the simulator's process. */
  spansPerCpuSecond: number
  /** At the end. */
  residentMib: number
}

const SERVICES = 100
const PODS = 10
const FAN_OUT = 3
/** Accepts every request, and prints its port. */
const RECEIVER = `
  const server = require('node:http').createServer((request, response) => {
    request.resume().on('end', () => response.end())
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

const [seconds = 5] = process.argv.slice(2).map(Number)
const receiver = spawn(process.execPath, ['-e', RECEIVER], { stdio: ['ignore', 'pipe', 'inherit'] })
try {
  const port = await new Promise<string>(resolve => receiver.stdout.once('data', data => resolve(String(data).trim())))
  process.stdout.write(`${JSON.stringify(await run(`http://127.0.0.1:${port}`))}\n`)
} finally {
  receiver.kill()
}

async function run(url: string): Promise<TracesRun> {
  const cluster = createTracedCluster()
  const loads = createPodLoads({ preset: 'steady' })
  // A service calls only later ones, so the first is the load generator.
  for (let at = 0; at < SERVICES; at++) addService(at)
  const exporter = createSpanExporter({ url, log: line => process.stderr.write(`${line}\n`) })
  let requests = 0
  const endMs = performance.now() + seconds * 1_000
  const before = process.cpuUsage()
  while (performance.now() < endMs) {
    emit(10, { cluster, loads, exporter, onRequest: () => requests++ })
    // If sending is slower than simulating, more spans would be dropped.
    do await sleep(0)
    while (exporter.waiting > 10_000)
  }
  await exporter.close(10_000)
  const { user, system } = process.cpuUsage(before)
  const { sent, dropped, failed } = exporter.counts
  if (dropped + failed > 0) throw new Error(`${dropped} spans dropped, ${failed} failed`)
  return {
    spans: sent,
    requests,
    spansPerCpuSecond: sent / ((user + system) / 1e6),
    residentMib: process.memoryUsage.rss() / 2 ** 20,
  }

  function addService(at: number): void {
    const name = `service-${at}`
    const labels = { app: name }
    const peers = Array.from(
      { length: at === 0 ? 1 : FAN_OUT },
      (_, index) => at * (at === 0 ? 1 : FAN_OUT) + index + 1,
    )
    const env = peers
      .filter(peer => peer < SERVICES)
      .map(peer => ({ name: `PEER_${peer}_ADDR`, value: `service-${peer}:8080` }))
    const containers = [{ name: 'server', env, resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } }]
    const metadata = { uid: `workload-${at}`, name, namespace: 'bench' }
    const template = { metadata: { labels }, spec: { containers } }
    const workload = workloadFacts('Deployment', { metadata, spec: { template } })
    const ports = [{ name: at % 2 === 0 ? 'grpc' : 'http', port: 8080 }]
    const service = serviceFacts({
      metadata: { ...metadata, uid: `service-${at}` },
      spec: { selector: labels, ports },
    })
    if (workload !== undefined) cluster.setWorkload(workload)
    if (service !== undefined && at > 0) cluster.setService(service)
    for (let index = 0; index < PODS; index++) {
      const raw = podOf(`${name}-abc-${index}`, name, containers)
      const [pod, facts] = [tracedPod(raw), podFacts(raw)]
      if (pod !== undefined) cluster.setPod(pod)
      if (facts !== undefined) loads.setPod(facts)
    }
  }
}

function podOf(podName: string, name: string, containers: unknown[]): unknown {
  const owner = { kind: 'ReplicaSet', name: `${name}-abc`, controller: true }
  return {
    metadata: {
      uid: podName,
      name: podName,
      namespace: 'bench',
      labels: { app: name, 'pod-template-hash': 'abc' },
      ownerReferences: [owner],
    },
    spec: { nodeName: 'node-0', containers },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], startTime: '2026-01-01T00:00:00Z' },
  }
}
