import { measureMissing, readTruth } from '../kwok/lab-ready.ts'
import { kubectl } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { hasOwnNamespace, inClusterNamespace, inClusterParts, labNamespace } from './agreement.ts'
import { releaseStatus } from './helm.ts'
import { releases } from './helm-collectors.ts'
import { readRollout } from './rollout.ts'

const ANY_AGE_MS = 86_400_000

/** LGTM and the collectors with their states in the cluster and in Helm: `pods` are the ready and the wanted ones, `why` is the reason, if known. */
export async function partsOf(lab: Lab) {
  const isInCluster = await hasOwnNamespace(lab, inClusterNamespace)
  const storage = isInCluster && (await sendsElsewhere(lab)) ? [] : ['lgtm']
  const names = [...storage, ...(isInCluster ? inClusterParts(lab) : releases)]
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

/** Whether the collectors of the lab inside the cluster have another endpoint than its LGTM. */
async function sendsElsewhere(lab: Lab): Promise<boolean> {
  const map = ['configmap', 'collector', '-n', inClusterNamespace, '--ignore-not-found']
  const { stdout } = await kubectl(lab, ['get', ...map, '-o', 'jsonpath={.data}'])
  return stdout !== '' && !stdout.includes(`lgtm.${labNamespace}.svc`)
}

/**
 * What to say about nodes that have no series in Prometheus, which stops to show series that end; undefined when all have, but for those that
 * fail by a scenario.
 */
export async function unmeasuredNodes(lab: Lab, failing: readonly string[]): Promise<string | undefined> {
  const truth = await readTruth(lab)
  const missing = await measureMissing(lab, truth, ANY_AGE_MS)
  const nodes = missing.nodes.filter(name => !failing.includes(name))
  if (nodes.length === 0) return undefined
  const next = `read the logs of the collectors; a NetworkPolicy must let them reach the ports of kubelets, and LGTM's 4318`
  return `${nodes.length} of ${truth.nodes.size} nodes have no metrics, such as ${nodes[0]}\n  Next: ${next}`
}
