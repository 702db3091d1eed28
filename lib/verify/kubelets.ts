import { ApiStatusError, type KubeClient } from '../kube/client.ts'
import { fields, items, text } from '../kube/json.ts'
import type { ClusterSnapshot } from './cluster.ts'
import { type Claim, type SpaceFigures, spaceFigures } from './space.ts'
import type { Bounds, Figures, UsageSource } from './usage.ts'

/** What one node's kubelet said at one time (epoch). */
export interface KubeletReading {
  timeMs: number
  summary: unknown
}

/** What a summary tells of pods and nodes: the rest is undefined. */
const TOLD = ['cpu-usage', 'memory-working-set', 'memory-rss', 'network-receive', 'network-transmit'] as const
type Told = (typeof TOLD)[number]

/** How much CPU time, memory and traffic something has or had. */
interface Reading {
  cpuCoreNanoSeconds: number
  workingSetBytes: number
  rssBytes: number
  rxBytes: number
  txBytes: number
  hasNetwork: boolean
}

/**
 * Every node's own `/stats/summary`, through the API server's proxy, so that it takes no more than a kubeconfig. By node.
 *
 * Throws an ApiStatusError that names the node which doesn't answer.
 */
export async function readKubelets(
  client: Pick<KubeClient, 'request'>,
  snapshot: ClusterSnapshot,
): Promise<Map<string, KubeletReading>> {
  const readings = await Promise.all(
    snapshot.nodes.map(async ({ name }) => {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/proxy/stats/summary`
      const response = await client.request('GET', path)
      if (response.status !== 200) throw new ApiStatusError(`Cannot read the kubelet of node ${name}`, response)
      return [name, { timeMs: Date.now(), summary: response.body }] as const
    }),
  )
  return new Map(readings)
}

/**
 * The usage of real pods, from two readings of each kubelet that lie as far apart as a query's window is long: rates are
 * what was counted between them, levels what the later one says. A pod that only one of them has counts as something
 * between nothing and twice what is known.
 */
export function kubeletUsage(
  before: ReadonlyMap<string, KubeletReading>,
  after: ReadonlyMap<string, KubeletReading>,
): UsageSource {
  const measured = (of: Told, now: Reading, past: Reading | undefined, seconds: number): Bounds => {
    if (of === 'memory-working-set') return exactly(now.workingSetBytes)
    if (of === 'memory-rss') return exactly(now.rssBytes)
    const counted = (reading: Reading) =>
      of === 'cpu-usage'
        ? reading.cpuCoreNanoSeconds / 1e9
        : of === 'network-receive'
          ? reading.rxBytes
          : reading.txBytes
    if (past === undefined) return { least: 0, most: (2 * counted(now)) / seconds, mayLack: true }
    return exactly((counted(now) - counted(past)) / seconds)
  }
  const eachNode = function* () {
    for (const [name, { timeMs, summary }] of after) {
      const earlier = before.get(name)
      const seconds = Math.max(1, (timeMs - (earlier?.timeMs ?? timeMs)) / 1_000)
      yield { name, seconds, now: podsOf(summary), past: podsOf(earlier?.summary), summary, earlier: earlier?.summary }
    }
  }

  return {
    name: "the kubelets' own summaries",
    containers(of) {
      if (!isTold(of)) return undefined
      const all = new Map<string, Map<string, Bounds>>()
      for (const { seconds, now, past } of eachNode()) {
        for (const [uid, { pod, containers }] of now) {
          const old = past.get(uid)
          const isOfNetwork = of.startsWith('network-')
          // A pod with its node's network has none of its own.
          if (isOfNetwork && !pod.hasNetwork) continue
          const parts = isOfNetwork ? new Map([['', pod]]) : containers
          const found = new Map<string, Bounds>()
          for (const [name, reading] of parts) {
            const was = name === '' ? old?.pod : old?.containers.get(name)
            found.set(name, measured(of, reading, was, seconds))
          }
          all.set(uid, found)
        }
      }
      return all
    },
    nodes(of): Figures | undefined {
      if (!isTold(of)) return undefined
      return new Map(
        [...eachNode()].map(({ name, seconds, summary, earlier }) => {
          const past = earlier === undefined ? undefined : readingOf(fields(earlier)['node'])
          return [name, new Map([['', measured(of, readingOf(fields(summary)['node']), past, seconds)]])]
        }),
      )
    },
    disks: () =>
      new Map([...after].map(([name, { summary }]) => [name, spaceFigures(fields(fields(summary)['node'])['fs'])])),
    volumes: () => [...after.values()].flatMap(({ summary }) => claimsOf(summary)),
  }
}

function isTold(of: string): of is Told {
  return TOLD.some(each => each === of)
}

function claimsOf(summary: unknown): (Claim & SpaceFigures)[] {
  const volumes = items(fields(summary)['pods']).flatMap(pod => items(fields(pod)['volume']))
  return volumes.flatMap(volume => {
    const { name, namespace } = fields(fields(volume)['pvcRef'])
    const [claim, of] = [text(name), text(namespace)]
    return claim === undefined || of === undefined ? [] : [{ namespace: of, claim, ...spaceFigures(volume) }]
  })
}

function podsOf(summary: unknown): Map<string, { pod: Reading; containers: Map<string, Reading> }> {
  const pods = items(fields(summary)['pods']).map(fields)
  return new Map(
    pods.map(pod => {
      const containers = items(pod['containers']).map(
        each => [text(fields(each)['name']) ?? '', readingOf(each)] as const,
      )
      return [text(fields(pod['podRef'])['uid']) ?? '', { pod: readingOf(pod), containers: new Map(containers) }]
    }),
  )
}

function readingOf(raw: unknown): Reading {
  const { cpu, memory, network } = fields(raw)
  const number = (value: unknown) => (typeof value === 'number' ? value : 0)
  return {
    cpuCoreNanoSeconds: number(fields(cpu)['usageCoreNanoSeconds']),
    workingSetBytes: number(fields(memory)['workingSetBytes']),
    rssBytes: number(fields(memory)['rssBytes']),
    rxBytes: number(fields(network)['rxBytes']),
    txBytes: number(fields(network)['txBytes']),
    hasNetwork: network !== undefined,
  }
}

function exactly(value: number): Bounds {
  return { least: value, most: value }
}
