import { ApiStatusError, type KubeClient } from '../../kube/api-client.ts'
import { fields, items, text, timeMs } from '../../kube/json.ts'
import { type Claim, type SpaceFigures, spaceFigures } from './filesystem-truth.ts'
import { addMeasurement, type Measurement, rateOver, servedAt } from './measurement-timeline.ts'
import {
  type Bounds,
  boundsOf,
  type Figures,
  isNetworkMeasure,
  type UsageSource,
  type UsageWindow,
} from './usage-bounds.ts'

/** The measures in a summary; others are undefined. */
const SUMMARY_MEASURES = [
  'cpu-usage',
  'memory-working-set',
  'memory-rss',
  'network-receive',
  'network-transmit',
] as const
type SummaryMeasure = (typeof SUMMARY_MEASURES)[number]
type Measured = Record<SummaryMeasure, Measurement[]>

/** What one kubelet has served so far, by pod UID (empty for the node) and container name. */
export interface KubeletHistory {
  /** The newest summary. */
  summary: unknown
  measured: Map<string, Map<string, Measured>>
}

/**
 * Reads `/stats/summary` of every node through the API server's proxy, which needs only a kubeconfig, and adds the
 * answers to `kubelets`.
 *
 * Throws an ApiStatusError that names the node whose kubelet does not answer.
 */
export async function readKubelets(
  client: Pick<KubeClient, 'request'>,
  nodes: readonly string[],
  kubelets: Map<string, KubeletHistory>,
): Promise<void> {
  await Promise.all(
    nodes.map(async name => {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/proxy/stats/summary`
      const response = await client.request('GET', path)
      if (response.status !== 200) throw new ApiStatusError(`Cannot read the kubelet of node ${name}`, response)
      addSummary(kubelets, name, response.body)
    }),
  )
}

/** Adds one summary of a node. */
export function addSummary(kubelets: Map<string, KubeletHistory>, node: string, summary: unknown): void {
  const known = kubelets.get(node) ?? { summary, measured: new Map() }
  known.summary = summary
  kubelets.set(node, known)
  add(known, '', '', fields(summary)['node'])
  for (const pod of items(fields(summary)['pods']).map(fields)) {
    const uid = text(fields(pod['podRef'])['uid']) ?? ''
    add(known, uid, '', pod)
    for (const container of items(pod['containers'])) add(known, uid, text(fields(container)['name']) ?? '', container)
  }
}

/**
 * The usage of real pods as a collector must receive it. A kubelet measures each container every 10 to 20 s and
 * serves the same values in between. So a rate is computed from what was served at the first and the last collection
 * in the window, and a level is what was served at the last. `collectedMs` are the times at which the collector read
 * each node's kubelet (epoch, oldest first); `known` is the longest and latest window for which both are known. A pod
 * that is newer than the window has between 0 and twice its known usage.
 */
export function kubeletUsage(
  kubelets: ReadonlyMap<string, KubeletHistory>,
  collectedMs: ReadonlyMap<string, readonly number[]>,
  known: { untilMs: number; lengthMs: number },
): UsageSource {
  const boundsIn = (node: string, { untilMs, lengthMs }: UsageWindow) => {
    const times = (collectedMs.get(node) ?? []).filter(
      each => each <= untilMs && each > untilMs - (lengthMs ?? Number.POSITIVE_INFINITY),
    )
    // A node that is not collected must fail, so it counts as if it were.
    const whole = lengthMs === undefined ? [untilMs] : [untilMs - lengthMs + 1, untilMs]
    const used = times.length < whole.length ? whole : times
    return (of: SummaryMeasure, known: readonly Measurement[]): Bounds => {
      const newest = known.at(-1)?.value ?? 0
      if (isLevel(of)) {
        const served = servedAt(known, used.at(-1) ?? untilMs)
        return served.length === 0 ? { ...boundsOf([newest]), mayBeAbsent: true } : boundsOf(served)
      }
      const window = { untilMs, lengthMs: lengthMs ?? 1_000 }
      const most = (2_000 * newest) / window.lengthMs
      return rateOver(known, used, window) ?? { least: 0, most, mayBeAbsent: true }
    }
  }
  const isKnown = (of: string, { untilMs, lengthMs = 0 }: UsageWindow): of is SummaryMeasure =>
    isSummaryMeasure(of) && untilMs <= known.untilMs && lengthMs <= known.lengthMs

  return {
    name: "the kubelets' own summaries",
    containers(of, window) {
      if (!isKnown(of, window)) return undefined
      const all = new Map<string, Map<string, Bounds>>()
      for (const [node, { summary, measured }] of kubelets) {
        const bounds = boundsIn(node, window)
        for (const pod of items(fields(summary)['pods']).map(fields)) {
          // A pod with `hostNetwork` has no network of its own.
          if (isNetworkMeasure(of) && pod['network'] === undefined) continue
          const uid = text(fields(pod['podRef'])['uid']) ?? ''
          const now = isNetworkMeasure(of)
            ? ['']
            : items(pod['containers']).map(each => text(fields(each)['name']) ?? '')
          const known = (name: string) => measured.get(uid)?.get(name)?.[of] ?? []
          all.set(uid, new Map(now.map(name => [name, bounds(of, known(name))])))
        }
      }
      return all
    },
    nodes(of, window): Figures | undefined {
      if (!isKnown(of, window)) return undefined
      return new Map(
        [...kubelets].map(([node, { measured }]) => {
          return [node, new Map([['', boundsIn(node, window)(of, measured.get('')?.get('')?.[of] ?? [])]])]
        }),
      )
    },
    disks: () =>
      new Map([...kubelets].map(([name, { summary }]) => [name, spaceFigures(fields(fields(summary)['node'])['fs'])])),
    volumes: () => [...kubelets.values()].flatMap(({ summary }) => claimsOf(summary)),
  }
}

function isSummaryMeasure(of: string): of is SummaryMeasure {
  return SUMMARY_MEASURES.some(each => each === of)
}

function isLevel(of: SummaryMeasure): boolean {
  return of === 'memory-working-set' || of === 'memory-rss'
}

/** CPU in seconds of CPU time, the rest in bytes. */
function add({ measured }: KubeletHistory, uid: string, name: string, raw: unknown): void {
  const known = measured.get(uid) ?? new Map<string, Measured>()
  measured.set(uid, known)
  const own = known.get(name) ?? (Object.fromEntries(SUMMARY_MEASURES.map(of => [of, []])) as unknown as Measured)
  known.set(name, own)
  const put = (of: SummaryMeasure, part: Record<string, unknown>, value: unknown, scale = 1) => {
    const takenMs = timeMs(part['time'])
    if (takenMs !== undefined && typeof value === 'number') addMeasurement(own[of], { takenMs, value: value * scale })
  }
  const [cpu, memory, network] = ['cpu', 'memory', 'network'].map(part => fields(fields(raw)[part])) as [
    Record<string, unknown>,
    Record<string, unknown>,
    Record<string, unknown>,
  ]
  put('cpu-usage', cpu, cpu['usageCoreNanoSeconds'], 1e-9)
  put('memory-working-set', memory, memory['workingSetBytes'])
  put('memory-rss', memory, memory['rssBytes'])
  put('network-receive', network, network['rxBytes'])
  put('network-transmit', network, network['txBytes'])
}

function claimsOf(summary: unknown): (Claim & SpaceFigures)[] {
  const volumes = items(fields(summary)['pods']).flatMap(pod => items(fields(pod)['volume']))
  return volumes.flatMap(volume => {
    const { name, namespace } = fields(fields(volume)['pvcRef'])
    const [claim, of] = [text(name), text(namespace)]
    return claim === undefined || of === undefined ? [] : [{ namespace: of, claim, ...spaceFigures(volume) }]
  })
}
