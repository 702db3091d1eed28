// Runs beside one of several collectors, in its pod: writes its configuration, with one receiver for each node of its shard, and reloads it
// when nodes change. One of all leads, and measures the whole cluster's objects too. Ends on SIGTERM or SIGINT.
//
//   node shard-collector.mjs --base FILE --to FILE --pod-name collector-0 --shard-domain stats-proxy.kube-otel-lab.svc --port 8080
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, listen, portFlag, runDaemon, strictFlags } from '../cli/daemon.ts'
import { messageOf, UsageError } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import { fields, text } from '../kube/json.ts'
import { startReflector } from '../kube/reflector.ts'
import { kubeletOf, simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { acceptsConnections } from '../system/ports.ts'
import { createLeader } from './leader.ts'
import { shardCollectorConfig } from './shard-collector-config.ts'

const USAGE = `The configuration of one of several collectors.

  node shard-collector.mjs --base FILE --to FILE --pod-name NAME-N --shard-domain DOMAIN [flags]

  --base FILE           the configuration without the nodes
  --to FILE             where it writes the collector's
  --pod-name NAME-N     measures the nodes of shard N
  --shard-domain DOMAIN of the stats proxies
  --port N              of /readyz: 200 once the configuration is written (default 8080)
  --interval-ms N       of collection (default 10000)
`
const options = {
  base: { type: 'string', default: '' },
  to: { type: 'string', default: '' },
  'pod-name': { type: 'string', default: '' },
  'shard-domain': { type: 'string', default: '' },
  port: { type: 'string', default: '8080' },
  'interval-ms': { type: 'string', default: '10000' },
  help: { type: 'boolean' },
} as const

/** Nodes change in bursts, and each reload interrupts all measurements: wait for a pause, for half an interval at most. */
const PAUSE_MS = 300
const LEAD_MS = 2_000
const OTLP_PORT = 4318

await runDaemon({ usage: USAGE, parseFlags, start })

function parseFlags(args: string[]) {
  const values = strictFlags(args, { what: 'the configuration of a collector', options })
  if (values.help === true) return undefined
  const { base, to, 'pod-name': podName, 'shard-domain': domain } = values
  const shard = Number(/-(\d+)$/.exec(podName)?.[1])
  const namespace = domain.split('.')[1] ?? ''
  if (base === '' || to === '' || !Number.isInteger(shard) || namespace === '') {
    throw new UsageError('Cannot write the configuration of a collector', {
      next: 'give --base, --to, --pod-name and --shard-domain',
    })
  }
  return {
    base,
    to,
    podName,
    shard,
    domain,
    namespace,
    port: portFlag(values.port),
    intervalMs: Number(values['interval-ms']),
  }
}

async function start(
  flags: NonNullable<ReturnType<typeof parseFlags>>,
  { signal, log, onStop }: Daemon,
): Promise<void> {
  const base = readFileSync(flags.base, 'utf8')
  let isReady = false
  const server = createServer((_, response) => void response.writeHead(isReady ? 200 : 503).end())
  await listen(server, { host: '0.0.0.0', port: flags.port })
  const client = await connect()
  const leader = createLeader({ client, namespace: flags.namespace, lease: 'collector', identity: flags.podName })
  onStop(() => leader.resign().catch(() => {}))

  const nodes = new Map<string, readonly [name: string, endpoint: string]>()
  let [changedMs, quietSinceMs] = [0, 0]
  const changed = () => {
    quietSinceMs = Date.now()
    changedMs ||= quietSinceMs
  }
  const reflector = startReflector({
    ...{ client, signal, log },
    path: '/api/v1/nodes',
    query: { labelSelector: `${simulatedLabel}=true` },
    reduce: raw => {
      const { metadata, status } = fields(raw)
      const kubelet = kubeletOf(status, flags.domain)
      const endpoint = kubelet?.shard === flags.shard ? `${kubelet.host}:${kubelet.port}` : undefined
      return endpoint === undefined ? undefined : ([text(fields(metadata).name) ?? '', endpoint] as const)
    },
    apply(event) {
      if (event.type === 'deleted') nodes.delete(event.key)
      else if (nodes.get(event.key)?.join() === event.object.join()) return
      else nodes.set(event.key, event.object)
      changed()
    },
  })
  await reflector.firstSync

  let [isLeader, leadMs, written, loaded] = [false, 0, '', '']
  while (!signal.aborted) {
    const now = Date.now()
    if (now - leadMs >= LEAD_MS) {
      leadMs = now
      const leads = await leader.tryLead()
      if (leads !== isLeader) log(leads ? 'leads: measures the objects of the cluster' : 'does not lead any more')
      if (leads !== isLeader) changed()
      isLeader = leads
    }
    const isDue =
      !isReady || (changedMs > 0 && (now - quietSinceMs >= PAUSE_MS || now - changedMs >= flags.intervalMs / 2))
    if (isDue) {
      changedMs = 0
      const config = shardCollectorConfig(base, {
        nodes: new Map(nodes.values()),
        isLeader,
        intervalMs: flags.intervalMs,
      })
      written = createHash('sha256').update(config).digest('hex')
      writeFileSync(`${flags.to}.next`, config)
      renameSync(`${flags.to}.next`, flags.to)
      // The collector starts after the first one.
      if (!isReady) loaded = written
      isReady = true
    }
    if (written !== loaded) {
      try {
        // The signal ends a collector that does not listen yet.
        if ((await acceptsConnections(OTLP_PORT)) && reloadCollector(flags.to)) {
          loaded = written
          log(`${nodes.size} nodes${isLeader ? ', and the objects of the cluster' : ''}`)
        }
      } catch (error) {
        log(`Cannot reload the collector: ${messageOf(error)}`)
      }
    }
    await sleep(100, undefined, { signal }).catch(() => {})
  }
}

/** Sends SIGHUP to the collector, which shares the pod's process namespace. False while it does not run. */
function reloadCollector(config: string): boolean {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const collector = pids.find(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(`--config=${config}`)
    } catch {
      return false
    }
  })
  return collector !== undefined && process.kill(Number(collector), 'SIGHUP')
}
