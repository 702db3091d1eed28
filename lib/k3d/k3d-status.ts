import type { Lab } from '../lab/lab.ts'
import { releaseStatus } from './helm.ts'
import { releases } from './helm-collectors.ts'
import { readRollout } from './rollout.ts'

/** LGTM or a collector in a cluster. */
export interface ClusterPart {
  name: string
  state: 'ready' | 'not ready' | 'missing'
  /** Ready pods and wanted pods: `3/3`. */
  pods: string
  /** The reason for the state, if known. */
  why: string
}

/** LGTM and the collectors with their states in the cluster and in Helm. */
export async function partsOf(lab: Lab): Promise<ClusterPart[]> {
  return await Promise.all(
    ['lgtm', ...releases].map(async name => {
      const { wanted, ready, isCurrent, waiting } = await readRollout(lab, name)
      const helm = name === 'lgtm' ? undefined : await releaseStatus(lab, name)
      const isReady = isCurrent && ready >= wanted && wanted > 0 && (helm === undefined || helm.status === 'deployed')
      const [first] = waiting
      const helmStatus = helm?.status === undefined || helm.status === 'deployed' ? '' : `Helm status: ${helm.status}`
      return {
        name,
        state: wanted === 0 ? ('missing' as const) : isReady ? ('ready' as const) : ('not ready' as const),
        pods: `${ready}/${wanted}`,
        why: first === undefined ? helmStatus : `${first.pod}: ${first.reason}`,
      }
    }),
  )
}
