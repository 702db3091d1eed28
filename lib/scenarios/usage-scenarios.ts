import { fields, items, text } from '../kube/json.ts'
import { parseQuantity } from '../kube/quantity.ts'
import { scenarioStartAnnotation, volumeFilling, volumeFull, volumeInodesFull } from '../lab/manifest.ts'
import { annotatedScenario } from './annotated-scenario.ts'
import { objectScenario } from './object-scenario.ts'
import { podPath, runningPod, unfitPod } from './pod-scenarios.ts'
import { call, patch, type Scenario, type ScenarioRun, TargetGoneError } from './scenario.ts'

/** Memory grows from half of the limit to the limit in this time. */
const LEAK_MS = 600_000

/** kube-prometheus' alert of the inodes of a volume. */
const INODES = 'KubePersistentVolumeInodesFillingUp'

/** Scenarios of the usage of a pod, and of its volumes. */
export const usageScenarios: readonly Scenario[] = [
  {
    name: 'cpu-throttling',
    does: 'The containers of a pod with a CPU limit need twice the limit.',
    effect: '1 s',
    shows: 'CPU at the limit, and all periods throttled.',
    alerts: { otel: ['KubeCPUThrottlingHigh'], prometheus: ['CPUThrottlingHigh'] },
    ...usageScenario('cpu', limit => ({ value: `${Math.round(limit * 2_000)}m` })),
  },
  {
    name: 'memory-leak',
    does: 'The memory of the containers of a pod grows from half of their limit to the limit in ten minutes.',
    effect: '10 min',
    shows: 'Memory rises to the limit and stays there.',
    alerts: { otel: [], prometheus: [] },
    ...usageScenario('memory', (limit, startMs) => {
      const perSecond = limit / 2 / (LEAK_MS / 1_000)
      const start = new Date(startMs).toISOString()
      const grown = `(UnixSecond(Now()) - UnixSecond("${start}")) * ${perSecond.toFixed(1)}`
      return { expression: `${(limit / 2).toFixed(1)} + ${grown}` }
    }),
  },
  {
    name: volumeFull,
    does: 'The volumes of the claims of a pod are used to 98 %.',
    shows: 'A volume has 2 % of its space free.',
    alerts: { otel: ['KubeVolumeFillingUp'], prometheus: ['KubePersistentVolumeFillingUp', INODES] },
    ...volumeScenario(),
  },
  {
    name: volumeFilling,
    does: 'The volumes of the claims of a pod fill up to 98 % in ten minutes, each second by as much.',
    shows: 'The free space of a volume falls, and stays at 2 %.',
    alerts: { otel: ['KubeVolumeFillingUp'], prometheus: ['KubePersistentVolumeFillingUp', INODES] },
    ...volumeScenario(),
    effect: '10 min',
  },
  {
    name: volumeInodesFull,
    does: 'The volumes of the claims of a pod have 2 % of their inodes free.',
    shows: 'A volume has 2 % of its inodes free.',
    alerts: { otel: [], prometheus: [INODES] },
    ...volumeScenario(),
  },
]

/** Only the annotation, which the stats proxy reads. */
function volumeScenario(): Pick<Scenario, 'target' | 'effect' | 'heals' | 'unfit' | 'hold' | 'undo'> {
  return {
    target: 'pod',
    effect: '1 s',
    heals: 'The volumes are used as before.',
    unfit: pod => {
      const hasClaim = items(fields(fields(pod)['spec'])['volumes']).some(
        each => 'persistentVolumeClaim' in fields(each),
      )
      return unfitPod(pod) ?? (hasClaim ? undefined : 'it has no PersistentVolumeClaim')
    },
    ...annotatedScenario({
      ...runningPod,
      keep: () => ({}),
      // First: the stats proxy must not see the scenario without its start.
      prepare: run => annotateStart(run, new Date(run.startMs).toISOString()),
      undo: run => annotateStart(run, null),
    }),
  }
}

async function annotateStart(run: ScenarioRun, start: string | null): Promise<void> {
  if (run.name !== volumeFilling) return
  await patch(run.client, podPath(run), { metadata: { annotations: { [scenarioStartAnnotation]: start } } })
}

/** A ResourceUsage of a pod: the stats proxy takes its usage from it. */
function usageScenario(
  resource: 'cpu' | 'memory',
  usageOf: (limit: number, startMs: number) => Record<string, string>,
): Pick<Scenario, 'target' | 'notInCluster' | 'heals' | 'unfit' | 'hold' | 'undo'> {
  const scenario = objectScenario(async run => {
    const [namespace, name = ''] = run.target.split('/')
    const pod = await call(run.client, 'GET', podPath(run))
    const usages = limitsOf(pod, resource).map(([container, limit]) => ({
      containers: [container],
      usage: { [resource]: usageOf(limit, run.startMs) },
    }))
    return {
      collection: `/apis/kwok.x-k8s.io/v1alpha1/namespaces/${namespace}/resourceusages`,
      name,
      manifest: { apiVersion: 'kwok.x-k8s.io/v1alpha1', kind: 'ResourceUsage', spec: { usages } },
    }
  })
  return {
    ...scenario,
    target: 'pod',
    notInCluster: 'inside a cluster the lab has no ResourceUsage objects',
    heals: 'The usage of the pod is again that of the usage model.',
    unfit: async (pod, client) => {
      const { namespace, name, annotations } = fields(fields(pod)['metadata'])
      if (limitsOf(pod, resource).length === 0) return `it has no ${resource} limit`
      // It comes before usage objects.
      if (fields(annotations)['kube-otel-lab/usage-preset'] !== undefined) return 'its usage is a preset by annotation'
      const path = `/apis/kwok.x-k8s.io/v1alpha1/namespaces/${namespace}/resourceusages/${name}`
      return unfitPod(pod) ?? ((await call(client, 'GET', path)) === undefined ? undefined : 'it has a ResourceUsage')
    },
    async hold(run) {
      const pod = await call(run.client, 'GET', podPath(run))
      if (pod === undefined) throw new TargetGoneError(`The pod ${run.target} was deleted`)
      return await scenario.hold(run)
    },
  }
}

/** The containers with a limit, in cores or bytes. */
function limitsOf(pod: unknown, resource: 'cpu' | 'memory'): [container: string, limit: number][] {
  return items(fields(fields(pod)['spec'])['containers']).flatMap(container => {
    const { name, resources } = fields(container)
    const limit = parseQuantity(text(fields(fields(resources)['limits'])[resource]) ?? '')
    return limit === undefined ? [] : [[String(name), limit]]
  })
}
