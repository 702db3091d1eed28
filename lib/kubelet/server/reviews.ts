import { createHmac, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiStatusError, type KubeClient } from '../../kube/api-client.ts'
import { fields, text } from '../../kube/json.ts'
import { createReviewCache } from './review-cache.ts'

/** A user as a TokenReview or a client certificate names it. */
export interface KubeUser {
  username: string
  uid?: string
  groups?: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

export interface ReviewsOptions {
  client: Pick<KubeClient, 'request'>
  clock?: () => number
  /** The wait before the second attempt of a review that failed. */
  retryMs?: number
}

/** The right to a node's subresource, or to a path. */
export type Attributes =
  | { resourceAttributes: { verb: string; version: 'v1'; resource: 'nodes'; subresource: string; name: string } }
  | { nonResourceAttributes: { verb: string; path: string } }

/** What the API server says about tokens and rights. */
export type Reviews = ReturnType<typeof createReviews>

// A kubelet's defaults: authentication.webhook.cacheTTL, authorization.webhook.cacheAuthorizedTTL and cacheUnauthorizedTTL.
const TOKEN_MS = 120_000
const ALLOWED_MS = 300_000
const DENIED_MS = 30_000
const ATTEMPTS = 4
const TIMEOUT_MS = 30_000

/** The API server's reviews of tokens and rights, kept as long as a kubelet keeps them. */
export function createReviews({ client, clock, retryMs = 500 }: ReviewsOptions) {
  const secret = randomBytes(32)
  const users = createReviewCache<KubeUser | undefined>({ lifetimeMs: () => TOKEN_MS, clock })
  const decisions = createReviewCache<boolean>({ lifetimeMs: allowed => (allowed ? ALLOWED_MS : DENIED_MS), clock })

  return {
    /** The user of a bearer token for the API server's audience; undefined for an invalid one. Rejects when it cannot be reviewed. */
    userOf(token: string): Promise<KubeUser | undefined> {
      const key = createHmac('sha256', secret).update(token).digest('base64')
      return users.get(key, async () => {
        const status = await review('/apis/authentication.k8s.io/v1/tokenreviews', {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token },
        })
        const user = fields(status['user'])
        return status['authenticated'] === true && text(user['username']) !== undefined
          ? (user as unknown as KubeUser)
          : undefined
      })
    },

    /** Whether a user has a right, given as the attributes of a SubjectAccessReview. Rejects when it cannot be reviewed. */
    isAllowed(user: KubeUser, attributes: Attributes) {
      const { username, uid, groups, extra } = user
      const spec = { user: username, uid, groups, extra, ...attributes }
      return decisions.get(JSON.stringify(spec), async () => {
        const status = await review('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec,
        })
        return status['allowed'] === true && status['denied'] !== true
      })
    },
  }

  /** The status of a review. Tries again after a lost connection, 429 and 5xx, as a kubelet does. */
  async function review(path: string, body: unknown): Promise<Record<string, unknown>> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await client.request('POST', path, { body, timeoutMs: TIMEOUT_MS })
        if (answer.status < 300) return fields(fields(answer.body)['status'])
        throw new ApiStatusError(`Cannot POST ${path}`, answer)
      } catch (error) {
        const isFinal = error instanceof ApiStatusError && error.status < 500 && error.status !== 429
        if (isFinal || attempt >= ATTEMPTS) throw error
      }
      await sleep(retryMs * 1.5 ** (attempt - 1))
    }
  }
}
