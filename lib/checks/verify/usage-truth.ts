import { apiTime, fields, items, timeMs } from '../../kube/json.ts'
import { coresOf } from '../../kubelet/counters/core-times.ts'
import { type ContainerMeter, createPodMeter, type PodMeter } from '../../kubelet/counters/pod-counters.ts'
import { podTraffic, sampleContainer, sumOf } from '../../kubelet/counters/usage-samples.ts'
import { fsStats, nodeDisk, podStorage, volumeStats } from '../../kubelet/endpoints/filesystem-stats.ts'
import { cpuStates, memoryStates } from '../../kubelet/endpoints/host-metrics.ts'
import { nodeTraffic, systemMeters } from '../../kubelet/endpoints/node-measurement.ts'
import type { ContainerFacts, NodeFacts, PodFacts, PresetName } from '../../kubelet/objects/facts.ts'
import { nodeFacts, podFacts } from '../../kubelet/objects/object-facts.ts'
import { hash } from '../../kubelet/usage/pseudo-random.ts'
import type { UsageSources } from '../../kubelet/usage/usage-model.ts'
import { createUsageObjects, usageObject } from '../../kubelet/usage/usage-objects.ts'
import { refusesScrapes } from '../../lab/manifest.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import { containerBounds, type SampleTimes, sampleTimes, trafficBounds } from './sample-times.ts'
import {
  type Bounds,
  boundsOf,
  exact,
  type HostMeasure,
  hostMeasures,
  isNetworkMeasure,
  type Measured,
  type SpaceFigures,
  sumOfBounds,
  type UsageSource,
  type UsageWindow,
} from './usage-bounds.ts'

type Named = Map<string, Map<string, Bounds>>

/** A running pod of the usage model. */
interface RunningPod {
  facts: PodFacts
  meter: PodMeter
  /** The containers that run, and those that ran before. */
  containers: readonly PodContainer[]
}

interface PodContainer {
  name: string
  /** As if it ran, for one that does not. */
  meter: ContainerMeter
  hasCpuLimit: boolean
  isRunning: boolean
  /** When its newest run began or the one before ended (epoch); undefined for a container that was never restarted and runs. */
  changedMs: number | undefined
}

/** A node of the usage model, with its kubelet and container runtime. */
interface ModelNode {
  facts: NodeFacts
  seed: number
  system: readonly ContainerMeter[]
  pods: RunningPod[]
}

/**
 * The usage of simulated pods and nodes, by the model that the stats proxy uses. A rate is the increase over the
 * window; its samples can be up to `lateMs` older than the window's ends. A pod that started inside the window has
 * between 0 and twice its usage, because rate() depends on when its first samples were taken.
 */
export function modelUsage(snapshot: ClusterSnapshot, preset: PresetName): UsageSource {
  let made: { nodes: Map<string, ModelNode>; pods: RunningPod[] } | undefined
  const cluster = () => {
    made ??= modelCluster(snapshot, preset)
    return made
  }
  // Many queries share a result, which takes tenths of a second for ten thousand pods.
  const known = new Map<string, Named>()
  const once = (what: string, { untilMs, lengthMs, lateMs }: UsageWindow, make: () => Named): Named => {
    const key = [what, untilMs, lengthMs, lateMs].join(' ')
    const found = known.get(key) ?? make()
    known.set(key, found)
    return found
  }
  const ofPods = (measured: Measured, window: UsageWindow) =>
    once(`pods ${measured}`, window, () => {
      const times = sampleTimes(window)
      return new Map(cluster().pods.map(pod => [pod.facts.uid, podFigures(pod, measured, window, times)]))
    })
  const ofNodes = (measured: Measured, window: UsageWindow) =>
    once(`nodes ${measured}`, window, () => {
      const pods = ofPods(measured, window)
      const times = sampleTimes(window)
      return eachNode(node => {
        const all = node.pods.flatMap(({ facts }) => [...(pods.get(facts.uid)?.values() ?? [])])
        return new Map([['', sumOfBounds([...all, ...systemFigures(node, measured, times)])]])
      })
    })
  const eachNode = (figures: (node: ModelNode) => Map<string, Bounds>): Named =>
    new Map([...cluster().nodes].map(([name, node]) => [name, figures(node)]))

  return {
    name: 'the usage model',
    containers(measured, window) {
      const figures = ofPods(measured, window)
      if (!isNetworkMeasure(measured)) return figures
      // These use the network of their node.
      const own = cluster().pods.filter(({ facts }) => !facts.hostNetwork)
      return new Map(own.map(({ facts }) => [facts.uid, figures.get(facts.uid) ?? new Map()]))
    },
    nodes(measured, window) {
      if (!isHostMeasure(measured)) return ofNodes(measured, window)
      return once(measured, window, () =>
        eachNode(node => {
          const whole = (of: Measured) => ofNodes(of, window).get(node.facts.name)?.get('') ?? exact(0)
          return hostFigures(node, measured, window, whole)
        }),
      )
    },
    disks() {
      const spaceOf = ({ facts, seed, pods }: ModelNode): SpaceFigures => {
        const totals = pods.map(pod => podSpace(pod).total)
        const { disk, used } = nodeDisk(seed, facts.storageCapacityBytes, {
          usedBytes: totals.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
          inodesUsed: totals.reduce((sum, { inodesUsed }) => sum + inodesUsed, 0),
        })
        return fsStats(disk, used, '')
      }
      return new Map([...cluster().nodes].map(([name, node]) => [name, spaceOf(node)]))
    },
    volumes(atMs) {
      // The volume of a claim does not depend on the node's disk.
      const disk = { capacityBytes: 0, availableBytes: 0 }
      const time = apiTime(atMs)
      const withClaim = cluster().pods.filter(({ facts }) => facts.volumes.some(each => each.claimName !== undefined))
      return withClaim.flatMap(pod => volumeStats(pod.facts, podSpace(pod), disk, undefined, time))
    },
  }
}

function modelCluster(snapshot: ClusterSnapshot, preset: PresetName) {
  const nodes = new Map<string, ModelNode>()
  for (const { name, raw } of snapshot.nodes) {
    const facts = nodeFacts(raw)
    // Its last samples are those of one look-back before.
    if (facts === undefined || refusesScrapes(facts.scenario)) continue
    const seed = hash(facts.uid)
    nodes.set(name, { facts, seed, system: systemMeters(facts, seed), pods: [] })
  }
  const objects = createUsageObjects(() => {})
  for (const { kind, raw } of snapshot.usageObjects) {
    const object = usageObject(kind, raw)
    if (object !== undefined) objects.set(object)
  }
  const sources: UsageSources = {
    preset,
    fromObjects: (pod, container, resource) =>
      objects.usageOf(pod, container, resource, nodes.get(pod.nodeName)?.facts),
  }
  const pods: RunningPod[] = []
  for (const { raw } of snapshot.pods) {
    const facts = podFacts(raw)
    if (facts?.running !== true || !nodes.has(facts.nodeName)) continue
    const ran = { ...facts, containers: facts.containers.map(each => ({ ...each, running: true })) }
    const [meter, asIfRunning] = [createPodMeter(facts, Date.now(), sources), createPodMeter(ran, Date.now(), sources)]
    const containers = facts.containers.flatMap((container, index): PodContainer[] => {
      const own = asIfRunning.containers[index]
      const { name, running: isRunning, cpuLimitNanoCores } = container
      const hasCpuLimit = cpuLimitNanoCores !== undefined
      return own === undefined
        ? []
        : [{ name, meter: own, hasCpuLimit, isRunning, changedMs: changedMs(raw, container) }]
    })
    const pod = { facts, meter, containers }
    pods.push(pod)
    nodes.get(facts.nodeName)?.pods.push(pod)
  }
  return { nodes, pods }
}

/** When a container that was restarted, or that does not run, last began or ended. */
function changedMs(pod: unknown, { name, restarts, running, startedMs = 0 }: ContainerFacts): number | undefined {
  if (restarts === 0 && running) return undefined
  const statuses = items(fields(fields(pod)['status'])['containerStatuses']).map(fields)
  const { state, lastState } = statuses.find(each => each['name'] === name) ?? {}
  const ends = [state, lastState].map(each => timeMs(fields(fields(each)['terminated'])['finishedAt']) ?? 0)
  return Math.max(startedMs, ...ends)
}

function podFigures(
  { meter, containers }: RunningPod,
  measured: Measured,
  window: UsageWindow,
  times: SampleTimes,
): Map<string, Bounds> {
  const beginMs = youngSinceMs(window)
  const young = (bounds: Bounds, isYoung: boolean): Bounds =>
    isYoung ? { least: 0, most: 2 * bounds.most, mayBeAbsent: true } : bounds
  const isNew = meter.startMs > beginMs
  if (isNetworkMeasure(measured)) {
    const isChanged = containers.some(each => isUnsteady(each, window))
    const sending = containers.filter(each => each.isRunning || isChanged)
    const counted = { ...meter, containers: sending.map(each => since(each.meter, beginMs)) }
    return new Map([
      [
        '',
        young(
          trafficBounds(measured, times, at => podTraffic(counted, at)),
          isNew || isChanged,
        ),
      ],
    ])
  }
  const ofLimit = measured === 'cpu-periods' || measured === 'cpu-throttled-periods'
  return new Map(
    containers
      .filter(each => (each.isRunning || isUnsteady(each, window)) && (each.hasCpuLimit || !ofLimit))
      .map(each => {
        const bounds = containerBounds(since(each.meter, beginMs), measured, times)
        return [each.name, young(bounds, isNew || isUnsteady(each, window))]
      }),
  )
}

/** The usage of a node's kubelet and container runtime. */
function systemFigures({ facts, seed, system }: ModelNode, measured: Measured, times: SampleTimes): Bounds[] {
  if (isNetworkMeasure(measured)) return [trafficBounds(measured, times, at => nodeTraffic(facts, seed, at))]
  return system.map(meter => containerBounds(meter, measured, times))
}

/**
 * Counts from shortly before the window: a random usage curve is sampled, and a longer period would have few samples.
 */
function since(meter: ContainerMeter, beginMs: number): ContainerMeter {
  return { ...meter, sinceMs: Math.max(meter.sinceMs, beginMs) }
}

/** The values of a node's host metrics; `whole` is the usage of the node and its pods. */
function hostFigures(
  { facts, system, pods }: ModelNode,
  measured: HostMeasure,
  window: UsageWindow,
  whole: (measured: Measured) => Bounds,
): Map<string, Bounds> {
  if (measured === 'host-disk')
    return new Map([
      ['read', whole('disk-read-bytes')],
      ['write', whole('disk-written-bytes')],
    ])
  if (measured === 'host-cpu') {
    const { least, most } = whole('cpu-usage')
    const cores = coresOf(facts.cpuCapacityNanoCores)
    return boundsByName([least, most].map(busy => new Map(cpuStates(busy, Math.max(0, cores - busy)))))
  }
  const all = pods.flatMap(({ containers, meter: { startMs } }) => containers.map(each => ({ ...each, startMs })))
  // A container that has just started or ended may or may not be included.
  const present = all.filter(each => each.isRunning || isUnsteady(each, window))
  const steady = all.filter(each => each.isRunning && each.startMs <= youngSinceMs(window) && !isUnsteady(each, window))
  const states = [present, steady].flatMap(included => {
    const meters = [...system, ...included.map(({ meter }) => meter)]
    return sampleTimes({ ...window, lengthMs: undefined }).last.map(timeMs => {
      const total = sumOf(meters.map(meter => sampleContainer(meter, timeMs)))
      return new Map(Object.entries(memoryStates(total, facts.memoryCapacityBytes)))
    })
  })
  return boundsByName(states)
}

/** The bounds of each value, of several sets of the same names. */
function boundsByName(all: readonly ReadonlyMap<string, number>[]): Map<string, Bounds> {
  return new Map([...(all[0]?.keys() ?? [])].map(name => [name, boundsOf(all.map(each => each.get(name) ?? 0))]))
}

/** Pods that started later may be missing at the start of the window. */
function youngSinceMs({ untilMs, lengthMs, lateMs }: UsageWindow): number {
  return untilMs - (lengthMs ?? 0) - 2 * lateMs
}

/** Prometheus shows the last sample of a container that has ended for its look-back. */
const LOOK_BACK_MS = 60_000

/** Whether a container began or ended at a time that a window shows. */
function isUnsteady({ changedMs }: PodContainer, window: UsageWindow): boolean {
  return changedMs !== undefined && changedMs > youngSinceMs(window) - LOOK_BACK_MS
}

function podSpace({ facts, containers }: RunningPod) {
  return podStorage(
    facts,
    containers.filter(({ isRunning }) => isRunning).map(({ meter }) => meter.seed),
  )
}

function isHostMeasure(measured: Measured | HostMeasure): measured is HostMeasure {
  return hostMeasures.some(each => each === measured)
}
