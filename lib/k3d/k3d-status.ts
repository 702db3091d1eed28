import type { Lab } from '../lab/lab.ts'
import { hasOwnNamespace, inClusterNamespace, inClusterParts, labNamespace } from './agreement.ts'
import { releaseStatus } from './helm.ts'
import { releases } from './helm-collectors.ts'
import { readRollout } from './rollout.ts'

/** LGTM and the collectors with their states in the cluster and in Helm: `pods` are the ready and the wanted ones, `why` is the reason, if known. */
export async function partsOf(lab: Lab) {
  const isInCluster = await hasOwnNamespace(lab, inClusterNamespace)
  const names = isInCluster ? ['lgtm', ...inClusterParts] : ['lgtm', ...releases]
  return await Promise.all(
    names.map(async name => {
      const isOwn = isInCluster && name !== 'lgtm'
      const namespace = isOwn ? inClusterNamespace : labNamespace
      const { wanted, ready, isCurrent, waiting } = await readRollout(lab, name, namespace)
      const release = isOwn ? inClusterNamespace : name
      const helm = name === 'lgtm' ? undefined : await releaseStatus(lab, release, namespace)
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
