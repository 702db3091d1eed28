import type { Lab } from '../lab/lab.ts'
import { releaseStatus } from './helm.ts'
import { releases } from './helm-collectors.ts'
import { readRollout } from './rollout.ts'

/** One part of what the lab has in a cluster. */
export interface ClusterPart {
  name: string
  state: 'ready' | 'not ready' | 'missing'
  /** How many pods are ready of how many wanted: `3/3`. */
  pods: string
  /** What it waits for, where that is known. */
  why: string
}

/** LGTM and the collectors, as the cluster and Helm know them. */
export async function partsOf(lab: Lab): Promise<ClusterPart[]> {
  return await Promise.all(
    ['lgtm', ...releases].map(async name => {
      const { wanted, ready, isCurrent, waiting } = await readRollout(lab, name)
      const helm = name === 'lgtm' ? undefined : await releaseStatus(lab, name)
      const isReady = isCurrent && ready >= wanted && wanted > 0 && (helm === undefined || helm.status === 'deployed')
      const [first] = waiting
      const ofHelm = helm?.status === undefined || helm.status === 'deployed' ? '' : `Helm has it as ${helm.status}`
      return {
        name,
        state: wanted === 0 ? ('missing' as const) : isReady ? ('ready' as const) : ('not ready' as const),
        pods: `${ready}/${wanted}`,
        why: first === undefined ? ofHelm : `${first.pod}: ${first.reason}`,
      }
    }),
  )
}
