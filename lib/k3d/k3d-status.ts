import type { Lab } from '../lab/lab.ts'
import { releaseStatus } from './helm.ts'
import { releases } from './helm-collectors.ts'
import { readRollout } from './rollout.ts'

/** LGTM and the collectors with their states in the cluster and in Helm: `pods` are the ready and the wanted ones, `why` is the reason, if known. */
export async function partsOf(lab: Lab) {
  return await Promise.all(
    ['lgtm', ...releases].map(async name => {
      const { wanted, ready, isCurrent, waiting } = await readRollout(lab, name)
      const helm = name === 'lgtm' ? undefined : await releaseStatus(lab, name)
      const isReady = isCurrent && ready >= wanted && wanted > 0 && (helm === undefined || helm.status === 'deployed')
      const [first] = waiting
      const helmStatus = helm?.status === undefined || helm.status === 'deployed' ? '' : `Helm status: ${helm.status}`
      return {
        name,
        state: wanted === 0 ? 'missing' : isReady ? 'ready' : 'not ready',
        pods: `${ready}/${wanted}`,
        why: first === undefined ? helmStatus : `${first.pod}: ${first.reason}`,
      }
    }),
  )
}
