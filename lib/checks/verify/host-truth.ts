import { coresOf } from '../../kubelet/counters/core-times.ts'
import type { ContainerMeter, PodMeter } from '../../kubelet/counters/pod-counters.ts'
import { sampleContainer } from '../../kubelet/counters/usage-samples.ts'
import { cpuStates, memoryStates } from '../../kubelet/endpoints/host-metrics.ts'
import type { NodeFacts, PodFacts } from '../../kubelet/objects/facts.ts'
import { sampleTimes } from './sample-times.ts'
import {
  type Bounds,
  boundsOf,
  type Figures,
  type HostMeasure,
  type Measured,
  type UsageWindow,
} from './usage-bounds.ts'

/** A running pod of the usage model. */
export interface RunningPod {
  facts: PodFacts
  meter: PodMeter
  /** The running containers. */
  running: readonly { name: string; meter: ContainerMeter; hasCpuLimit: boolean }[]
}

/** A node of the usage model, with its kubelet and container runtime. */
export interface ModelNode {
  facts: NodeFacts
  seed: number
  system: readonly ContainerMeter[]
  pods: RunningPod[]
}

/** The values of a node's host metrics, computed from the usage of the node and its pods. */
export function hostFigures(
  node: ModelNode,
  measured: HostMeasure,
  window: UsageWindow,
  ofNodes: (measured: Measured, window: UsageWindow) => Figures,
): Map<string, Bounds> {
  const { name, cpuCapacityNanoCores, memoryCapacityBytes } = node.facts
  const whole = (of: Measured) => ofNodes(of, window).get(name)?.get('') ?? { least: 0, most: 0 }
  const cores = coresOf(cpuCapacityNanoCores)
  const times = sampleTimes({ ...window, lengthMs: undefined })
  const isYoung = (pod: RunningPod) => pod.meter.startMs > youngSinceMs(window)
  const metersOf = (pods: readonly RunningPod[]) => [
    ...node.system,
    ...pods.flatMap(pod => pod.running.map(({ meter }) => meter)),
  ]
  // A container that has just started may or may not be included.
  const either = [metersOf(node.pods), metersOf(node.pods.filter(pod => !isYoung(pod)))]
  switch (measured) {
    case 'host-cpu': {
      const { least, most } = whole('cpu-usage')
      const all = [least, most].map(busy => new Map(cpuStates(busy, Math.max(0, cores - busy))))
      return new Map([...(all[0]?.keys() ?? [])].map(state => [state, boundsOf(all.map(each => each.get(state) ?? 0))]))
    }
    case 'host-disk':
      return new Map([
        ['read', whole('disk-read-bytes')],
        ['write', whole('disk-written-bytes')],
      ])
    case 'host-memory': {
      const all = times.last.flatMap(timeMs =>
        either.map(meters => {
          const samples = meters.map(meter => sampleContainer(meter, timeMs))
          const usageBytes = samples.reduce((sum, each) => sum + each.usageBytes, 0)
          const workingSetBytes = samples.reduce((sum, each) => sum + each.workingSetBytes, 0)
          return new Map(memoryStates({ usageBytes, workingSetBytes }, memoryCapacityBytes))
        }),
      )
      return new Map([...(all[0]?.keys() ?? [])].map(state => [state, boundsOf(all.map(each => each.get(state) ?? 0))]))
    }
  }
}

/** Pods that started later may be missing at the start of the window. */
export function youngSinceMs({ untilMs, lengthMs, lateMs }: UsageWindow): number {
  return untilMs - (lengthMs ?? 0) - 2 * lateMs
}
