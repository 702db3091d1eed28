import { ApiStatusError, type KubeClient } from '../../kube/api-client.ts'
import { fields, items, text, timeMs } from '../../kube/json.ts'
import { type Claim, type SpaceFigures, spaceFigures } from './filesystem-truth.ts'
import { addMeasurement, type Measurement, rateOver, servedAt } from './measurement-timeline.ts'
import { type Bounds, boundsOf, type Figures, isOfNetwork, type UsageSource, type UsageWindow } from './usage-bounds.ts'

/** What a summary tells of pods and nodes: the rest is undefined. */
const TOLD = ['cpu-usage', 'memory-working-set', 'memory-rss', 'network-receive', 'network-transmit'] as const
type Told = (typeof TOLD)[number]
type Measured = Record<Told, Measurement[]>

/** What a kubelet has said so far: of the node by the empty UID, else of pods by theirs, and of each by the containers' names. */
export interface KubeletTold {
  /** The newest summary. */
  summary: unknown
  measured: Map<string, Map<string, Measured>>
}

/**
 * Asks every node's own `/stats/summary` through the API server's proxy, so that it takes no more than a kubeconfig, and adds
 * it to what each has said.
 *
 * Throws an ApiStatusError that names the node which doesn't answer.
 */
export async function askKubelets(
  client: Pick<KubeClient, 'request'>,
  nodes: readonly string[],
  told: Map<string, KubeletTold>,
): Promise<void> {
  await Promise.all(
    nodes.map(async name => {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/proxy/stats/summary`
      const response = await client.request('GET', path)
      if (response.status !== 200) throw new ApiStatusError(`Cannot read the kubelet of node ${name}`, response)
      addSummary(told, name, response.body)
    }),
  )
}

/** Adds one summary of a node to what its kubelet has said. */
export function addSummary(told: Map<string, KubeletTold>, node: string, summary: unknown): void {
  const known = told.get(node) ?? { summary, measured: new Map() }
  known.summary = summary
  told.set(node, known)
  add(known, '', '', fields(summary)['node'])
  for (const pod of items(fields(summary)['pods']).map(fields)) {
    const uid = text(fields(pod['podRef'])['uid']) ?? ''
    add(known, uid, '', pod)
    for (const container of items(pod['containers'])) add(known, uid, text(fields(container)['name']) ?? '', container)
  }
}

/**
 * The usage of real pods as a collector must have it: a kubelet measures each container only each ten to twenty seconds, and serves
 * the same values in between. So a rate is what was served at the first and the last time in the window at which the collector asked, a level
 * what was served at the last. `asked` is when it asked each node's kubelet (epoch, the oldest first); `known` is the longest window of
 * which both are known: of a longer one or a later one nobody can tell. What is newer than the window counts as something between nothing and twice what is known.
 */
export function kubeletUsage(
  told: ReadonlyMap<string, KubeletTold>,
  asked: ReadonlyMap<string, readonly number[]>,
  known: { untilMs: number; lengthMs: number },
): UsageSource {
  const boundsIn = (node: string, { untilMs, lengthMs }: UsageWindow) => {
    const times = (asked.get(node) ?? []).filter(
      each => each <= untilMs && each > untilMs - (lengthMs ?? Number.POSITIVE_INFINITY),
    )
    // One that is not collected from has to be missed, so it is as if it were.
    const whole = lengthMs === undefined ? [untilMs] : [untilMs - lengthMs + 1, untilMs]
    const used = times.length < whole.length ? whole : times
    return (of: Told, known: readonly Measurement[]): Bounds => {
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
  const isKnown = (of: string, { untilMs, lengthMs = 0 }: UsageWindow): of is Told =>
    isTold(of) && untilMs <= known.untilMs && lengthMs <= known.lengthMs

  return {
    name: "the kubelets' own summaries",
    containers(of, window) {
      if (!isKnown(of, window)) return undefined
      const all = new Map<string, Map<string, Bounds>>()
      for (const [node, { summary, measured }] of told) {
        const bounds = boundsIn(node, window)
        for (const pod of items(fields(summary)['pods']).map(fields)) {
          // A pod with its node's network has none of its own.
          if (isOfNetwork(of) && pod['network'] === undefined) continue
          const uid = text(fields(pod['podRef'])['uid']) ?? ''
          const now = isOfNetwork(of) ? [''] : items(pod['containers']).map(each => text(fields(each)['name']) ?? '')
          const known = (name: string) => measured.get(uid)?.get(name)?.[of] ?? []
          all.set(uid, new Map(now.map(name => [name, bounds(of, known(name))])))
        }
      }
      return all
    },
    nodes(of, window): Figures | undefined {
      if (!isKnown(of, window)) return undefined
      return new Map(
        [...told].map(([node, { measured }]) => {
          return [node, new Map([['', boundsIn(node, window)(of, measured.get('')?.get('')?.[of] ?? [])]])]
        }),
      )
    },
    disks: () =>
      new Map([...told].map(([name, { summary }]) => [name, spaceFigures(fields(fields(summary)['node'])['fs'])])),
    volumes: () => [...told.values()].flatMap(({ summary }) => claimsOf(summary)),
  }
}

function isTold(of: string): of is Told {
  return TOLD.some(each => each === of)
}

function isLevel(of: Told): boolean {
  return of === 'memory-working-set' || of === 'memory-rss'
}

/** Cores as seconds of CPU time, the rest in bytes. */
function add({ measured }: KubeletTold, uid: string, name: string, raw: unknown): void {
  const known = measured.get(uid) ?? new Map<string, Measured>()
  measured.set(uid, known)
  const own = known.get(name) ?? (Object.fromEntries(TOLD.map(of => [of, []])) as unknown as Measured)
  known.set(name, own)
  const put = (of: Told, part: Record<string, unknown>, value: unknown, scale = 1) => {
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
