import { ApiStatusError, type KubeClient } from '../kube/api-client.ts'
import { fields, text } from '../kube/json.ts'

export interface LeaderOptions {
  client: Pick<KubeClient, 'request'>
  namespace: string
  /** The name of the Lease, and of this candidate. */
  lease: string
  identity: string
  /** After this time without a renewal another candidate becomes the leader. The same for all. */
  durationMs?: number
  clock?: () => number
}

/**
 * Leader election by a Lease (coordination.k8s.io). Call `tryLead` at least every third of the duration: it takes or renews the Lease, and
 * gives whether this candidate leads. A candidate that cannot renew stops leading when the duration ends.
 */
export function createLeader({
  client,
  namespace,
  lease,
  identity,
  durationMs = 6_000,
  clock = Date.now,
}: LeaderOptions) {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  let leadsUntilMs = 0
  /** The last renewal of another candidate, and when this one saw it: their clocks may differ. */
  let seen = { renewal: '', atMs: 0 }

  return {
    async tryLead(): Promise<boolean> {
      const askedMs = clock()
      const isHeld = await hold(askedMs).catch(() => undefined)
      if (isHeld !== undefined) leadsUntilMs = isHeld ? askedMs + durationMs : 0
      return clock() < leadsUntilMs
    },
    /** Frees the Lease, so that another candidate leads at once. */
    async resign(): Promise<void> {
      if (clock() >= leadsUntilMs) return
      leadsUntilMs = 0
      const body = { spec: { holderIdentity: '', leaseDurationSeconds: 1 } }
      await client.request('PATCH', `${path}/${lease}`, { body, contentType: 'application/merge-patch+json' })
    },
  }

  /** Whether the Lease is this candidate's now; undefined if it cannot be written, as when another was faster. */
  async function hold(nowMs: number): Promise<boolean | undefined> {
    const found = await client.request('GET', `${path}/${lease}`, { timeoutMs: durationMs / 2 })
    if (found.status !== 200 && found.status !== 404) throw new ApiStatusError(`Cannot read Lease ${lease}`, found)
    const { metadata, spec } = fields(found.body)
    const { holderIdentity, renewTime } = fields(spec)
    const holder = text(holderIdentity) ?? ''
    const renewal = `${holder} ${text(renewTime)}`
    if (seen.renewal !== renewal) seen = { renewal, atMs: nowMs }
    const isFree = holder === '' || holder === identity || nowMs - seen.atMs > durationMs
    if (found.status === 200 && !isFree) return false
    const body = {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      metadata: { name: lease, namespace, resourceVersion: fields(metadata).resourceVersion },
      spec: {
        ...{ holderIdentity: identity, leaseDurationSeconds: durationMs / 1_000 },
        renewTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
      },
    }
    const [method, where] = found.status === 404 ? ['POST', path] : ['PUT', `${path}/${lease}`]
    // With its resource version: of two candidates one is refused.
    const answer = await client.request(method, where, { body, timeoutMs: durationMs / 2 })
    return answer.status < 300 ? true : undefined
  }
}
