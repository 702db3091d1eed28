import * as v from 'valibot'
import { LabError } from '../../cli/errors.ts'
import { ApiStatusError, type KubeClient } from '../../kube/api-client.ts'
import type { PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { addMeasurement, type Measurement, rateOver, servedAt } from './measurement-timeline.ts'
import { type Bounds, boundsOf, isNetworkMeasure, type UsageSource, type UsageWindow } from './usage-bounds.ts'

/** The measures in a summary; others are undefined. CPU in seconds of CPU time, the rest in bytes. */
const MEASURES = ['cpu-usage', 'memory-working-set', 'memory-rss', 'network-receive', 'network-transmit'] as const
type SummaryMeasure = (typeof MEASURES)[number]

const time = v.optional(v.string())
const count = v.optional(v.number())
const resources = {
  cpu: v.optional(v.object({ time, usageCoreNanoSeconds: count })),
  memory: v.optional(v.object({ time, workingSetBytes: count, rssBytes: count })),
  network: v.optional(v.object({ time, rxBytes: count, txBytes: count })),
}
const amount = v.optional(v.number(), 0)
const space = {
  availableBytes: amount,
  capacityBytes: amount,
  usedBytes: amount,
  inodesFree: amount,
  inodes: amount,
  inodesUsed: amount,
}
const pvcRef = v.exactOptional(v.object({ name: v.string(), namespace: v.string() }))
/** The fields that are read of a summary (k8s.io/kubelet/pkg/apis/stats/v1alpha1). A new object lacks values. */
const summarySchema = v.object({
  node: v.object({ ...resources, fs: v.optional(v.object(space), {}) }),
  pods: v.nullish(
    v.array(
      v.object({
        ...resources,
        podRef: v.object({ uid: v.string() }),
        containers: v.nullish(v.array(v.object({ ...resources, name: v.string() })), []),
        volume: v.optional(v.array(v.object({ ...space, pvcRef })), []),
      }),
    ),
    [],
  ),
})
type Summary = v.InferOutput<typeof summarySchema>

/** What one kubelet has served so far. */
export interface KubeletHistory {
  /** The newest summary. */
  summary: Summary
  /** By pod UID (empty for the node), container name (empty for the whole pod) and measure. */
  measured: Map<string, Measurement[]>
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

/** Adds one summary of a node. Throws a LabError for an answer of another form. */
export function addSummary(kubelets: Map<string, KubeletHistory>, node: string, answer: unknown): void {
  const { success, output: summary, issues } = v.safeParse(summarySchema, answer)
  if (!success) throw new LabError(`Cannot read the summary of node ${node}`, { why: v.summarize(issues) })
  const measured = kubelets.get(node)?.measured ?? new Map<string, Measurement[]>()
  kubelets.set(node, { summary, measured })
  const add = (uid: string, name: string, { cpu, memory, network }: Pick<Summary['node'], keyof typeof resources>) => {
    const put = (of: SummaryMeasure, taken: string | undefined, value: number | undefined) => {
      if (taken === undefined || value === undefined) return
      const known = measured.get(seriesKey(uid, name, of)) ?? []
      measured.set(seriesKey(uid, name, of), known)
      addMeasurement(known, { takenMs: Date.parse(taken), value })
    }
    const { usageCoreNanoSeconds } = cpu ?? {}
    put('cpu-usage', cpu?.time, usageCoreNanoSeconds && usageCoreNanoSeconds / 1e9)
    put('memory-working-set', memory?.time, memory?.workingSetBytes)
    put('memory-rss', memory?.time, memory?.rssBytes)
    put('network-receive', network?.time, network?.rxBytes)
    put('network-transmit', network?.time, network?.txBytes)
  }
  add('', '', summary.node)
  for (const pod of summary.pods) {
    add(pod.podRef.uid, '', pod)
    for (const container of pod.containers) add(pod.podRef.uid, container.name, container)
  }
}

function seriesKey(uid: string, name: string, of: SummaryMeasure): string {
  return `${uid} ${name} ${of}`
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
      if (of.startsWith('memory-')) {
        const served = servedAt(known, used.at(-1) ?? untilMs)
        return served.length === 0 ? { ...boundsOf([newest]), mayBeAbsent: true } : boundsOf(served)
      }
      const window = { untilMs, lengthMs: lengthMs ?? 1_000 }
      const most = (2_000 * newest) / window.lengthMs
      return rateOver(known, used, window) ?? { least: 0, most, mayBeAbsent: true }
    }
  }
  const isKnown = (of: string, { untilMs, lengthMs = 0 }: UsageWindow): of is SummaryMeasure =>
    MEASURES.some(each => each === of) && untilMs <= known.untilMs && lengthMs <= known.lengthMs

  return {
    name: "the kubelets' own summaries",
    containers(of, window) {
      if (!isKnown(of, window)) return undefined
      const all = new Map<string, Map<string, Bounds>>()
      for (const [node, { summary, measured }] of kubelets) {
        const bounds = boundsIn(node, window)
        for (const { podRef, network, containers } of summary.pods) {
          // A pod with `hostNetwork` has no network of its own.
          if (isNetworkMeasure(of) && network === undefined) continue
          const names = isNetworkMeasure(of) ? [''] : containers.map(({ name }) => name)
          const ofName = (name: string) => bounds(of, measured.get(seriesKey(podRef.uid, name, of)) ?? [])
          all.set(podRef.uid, new Map(names.map(name => [name, ofName(name)])))
        }
      }
      return all
    },
    nodes(of, window) {
      if (!isKnown(of, window)) return undefined
      const ofNode = (node: string, { measured }: KubeletHistory) =>
        boundsIn(node, window)(of, measured.get(seriesKey('', '', of)) ?? [])
      return new Map([...kubelets].map(([node, history]) => [node, new Map([['', ofNode(node, history)]])]))
    },
    disks: () => new Map([...kubelets].map(([name, { summary }]) => [name, summary.node.fs])),
    volumes: () => [...kubelets.values()].flatMap(({ summary }) => summary.pods.flatMap(({ volume }) => volume)),
  }
}

/** Finds each collection even at the shortest interval, one second. */
const QUERY_STEP_MS = 500

/**
 * The times (epoch, oldest first) at which the collector read each node's kubelet up to a time, by node. All data
 * points of one read have the same time.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function collectionTimes(
  api: Pick<PrometheusApi, 'range'>,
  { clusterName, untilMs, lengthMs }: { clusterName: string; untilMs: number; lengthMs: number },
): Promise<Map<string, number[]>> {
  const series = `k8s_node_cpu_time_seconds_total{k8s_cluster_name="${clusterName}"}`
  const fromMs = untilMs - Math.floor(lengthMs / QUERY_STEP_MS) * QUERY_STEP_MS
  const newest = `max by (k8s_node_name) (timestamp(${series}))`
  const found = await api.range(newest, { fromMs, untilMs }, QUERY_STEP_MS)
  return new Map(
    found.map(({ labels, points }) => {
      const times = new Set(points.map(([, seconds]) => Math.round(seconds * 1_000)))
      return [labels['k8s_node_name'] ?? '', [...times].sort((a, b) => a - b)]
    }),
  )
}
