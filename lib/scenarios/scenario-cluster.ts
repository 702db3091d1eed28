import { UsageError } from '../cli/errors.ts'
import { formatElapsed } from '../cli/progress.ts'
import { requireInCluster } from '../k3d/agreement.ts'
import { connect, type KubeClient } from '../kube/api-client.ts'
import { fields } from '../kube/json.ts'
import { listAll } from '../kube/object-counts.ts'
import { isSimulated, simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { requireCluster } from '../lab/cluster-owner.ts'
import { ensureScenarioKubeconfig, kubeconfigPath, writeContextKubeconfig } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import type { Scenario, TargetKind } from './scenario.ts'

/** Whether an object of the API, of the kind of a target, is the lab's. */
export type IsOfLab = (kind: TargetKind, object: unknown) => boolean

/** What the cluster of a lab is for scenarios: one of the lab's own, or another's, of which only the simulated nodes and their pods are the lab's. */
export interface ScenarioCluster {
  /** Throws a LabError when the lab does not run there. */
  require: () => Promise<void>
  /** The same for a lab that ran there, without a request: whether it was taken down. */
  requireStill: () => void
  /** Writes the kubeconfig of the holder, which has the rights of scenarios only. Gives when its token expires, in epoch milliseconds. */
  ensureKubeconfig: () => Promise<number>
  /** Why no lab in such a cluster can have a scenario. */
  exclusion: (scenario: Scenario) => string | undefined
  isOfLab: (client: KubeClient) => Promise<IsOfLab>
  /** Fields of the spec of pods that run on the lab's nodes. */
  podSpec: Readonly<Record<string, unknown>>
  /** The events of nodes are in namespace default: whether it is the lab's. */
  hasNodeEvents: boolean
  /** How long after its time a scenario that cannot be healed has a holder. Then the cluster is gone. */
  giveUpMs: number
}

const WHY_NO_PARTS = "inside a cluster the control plane is not the lab's, and Kubernetes restarts the other parts"
/** The most that healing takes, with the time until the scenario begins. */
const HEALING_MS = 600_000
const WHY_NO_SERVICES = 'inside a cluster the lab has no services with traces'

/** The only place that tells the two kinds of clusters apart for scenarios. */
export function scenarioCluster(lab: Lab): ScenarioCluster {
  if (lab.kind !== 'context') {
    return {
      require: async () => requireCluster(lab),
      requireStill: () => requireCluster(lab),
      ensureKubeconfig: async () => {
        await ensureScenarioKubeconfig(lab)
        return Number.POSITIVE_INFINITY
      },
      exclusion: () => undefined,
      isOfLab: async () => () => true,
      podSpec: {},
      hasNodeEvents: true,
      giveUpMs: Number.POSITIVE_INFINITY,
    }
  }
  return {
    require: () => requireInCluster(lab),
    requireStill: () => {},
    ensureKubeconfig: () => writeContextKubeconfig(lab),
    exclusion: ({ target, notInCluster }) =>
      notInCluster ?? (target === 'part' ? WHY_NO_PARTS : target === 'service' ? WHY_NO_SERVICES : undefined),
    isOfLab: async client => {
      const own = await listAll(client, `/api/v1/namespaces?${new URLSearchParams({ labelSelector: simulatedLabel })}`)
      const names = new Set(own.map(each => fields(fields(each)['metadata'])['name']))
      return (kind, object) =>
        kind === 'pod' ? names.has(fields(fields(object)['metadata'])['namespace']) : isSimulated(fields(object))
    },
    podSpec: {
      nodeSelector: { [simulatedLabel]: 'true' },
      tolerations: [{ key: simulatedLabel, operator: 'Exists' }],
    },
    hasNodeEvents: false,
    giveUpMs: 600_000,
  }
}

/**
 * A client with the rights of scenarios, which it gets here.
 *
 * Throws a UsageError when the token would expire within `lengthMs`: then nothing could heal a scenario.
 */
export async function connectForScenarios(lab: Lab, lengthMs = 0): Promise<KubeClient & Disposable> {
  const leftMs = (await scenarioCluster(lab).ensureKubeconfig()) - Date.now()
  if (leftMs < lengthMs + HEALING_MS) {
    throw new UsageError('A scenario of this length could not be healed', {
      why: `the cluster's tokens are valid for ${formatElapsed(leftMs)} at most`,
      next: `set FOR to at most ${Math.floor((leftMs - HEALING_MS) / 60_000)}m`,
    })
  }
  return await connect({ kubeconfig: kubeconfigPath(lab, 'scenarios') })
}
