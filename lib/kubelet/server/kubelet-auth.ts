import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { messageOf } from '../../cli/errors.ts'
import type { Attributes, KubeUser, Reviews } from './reviews.ts'

/** A refused request, in a kubelet's words. */
export interface Refusal {
  status: 401 | 403 | 500
  body: string
}

export interface AuthOptions {
  reviews: Reviews
  countAuthentication: (result: 'certificate' | 'token' | 'refused' | 'error') => void
  /** Logs a line unless one about the same subject was logged. */
  logOnce: (subject: string, line: string) => void
}

/** The user of a connection's client certificate, until the certificate's end. */
interface CertificateUser {
  user: KubeUser
  untilMs: number
}

const UNAUTHORIZED: Refusal = { status: 401, body: 'Unauthorized' }
const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/**
 * The authentication and authorization of a node's servers: a client certificate of the CA, else a bearer token, which the API server
 * reviews; then its decision on the rights.
 */
export function createKubeletAuth({ reviews, countAuthentication, logOnce }: AuthOptions) {
  const certificateUsers = new WeakMap<TLSSocket, { found: CertificateUser | undefined }>()

  return {
    /**
     * A kubelet's decision in its webhook mode, without anonymous users. Undefined for an allowed request. `path` is decoded and without
     * query.
     */
    async kubelet(request: IncomingMessage, given: { node: string; path: string }): Promise<Refusal | undefined> {
      const user = certificateUser(request.socket as TLSSocket) ?? (await tokenUser(request))
      if (user === undefined) return UNAUTHORIZED
      const verb = VERBS[request.method ?? ''] ?? ''
      const subresources = subresourcesOf(given.path)
      for (const subresource of subresources) {
        const resource = { verb, version: 'v1', resource: 'nodes', subresource, name: given.node } as const
        const isAllowed = await decide(user, { resourceAttributes: resource })
        if (isAllowed === true) return undefined
        const attributes = `user=${user.username}, verb=${verb}, resource=nodes, subresource=${subresource}`
        if (isAllowed === undefined) return { status: 500, body: `Authorization error (${attributes})` }
      }
      const attributes = `user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}]`
      return { status: 403, body: `Forbidden (${attributes})\n` }
    },

    /** kube-rbac-proxy's decision on a path, as it is before the node exporter of kube-prometheus. Undefined for an allowed request. */
    async nodeExporter(request: IncomingMessage, path: string): Promise<Refusal | undefined> {
      const user = await tokenUser(request)
      if (user === undefined) return { ...UNAUTHORIZED, body: 'Unauthorized\n' }
      const verb = VERBS[request.method ?? ''] ?? ''
      const isAllowed = await decide(user, { nonResourceAttributes: { verb, path } })
      if (isAllowed === true) return undefined
      const attributes = `(user=${user.username}, verb=${verb}, resource=, subresource=)`
      if (isAllowed === undefined) return { status: 500, body: `Authorization error ${attributes}\n` }
      return { status: 403, body: `Forbidden ${attributes}\n` }
    },
  }

  /** Undefined when it cannot be reviewed. */
  async function decide(user: KubeUser, attributes: Attributes): Promise<boolean | undefined> {
    try {
      return await reviews.isAllowed(user, attributes)
    } catch (error) {
      logOnce(
        'authorization',
        `Cannot review the rights of ${user.username}: ${messageOf(error)}; such requests get 500`,
      )
      return undefined
    }
  }

  function certificateUser(socket: TLSSocket): KubeUser | undefined {
    let known = certificateUsers.get(socket)
    if (known === undefined) {
      known = { found: readCertificate(socket) }
      certificateUsers.set(socket, known)
    }
    const { found } = known
    if (found === undefined || Date.now() > found.untilMs) return undefined
    countAuthentication('certificate')
    return found.user
  }

  async function tokenUser({ headers }: IncomingMessage): Promise<KubeUser | undefined> {
    const [scheme = '', token = ''] = (headers.authorization ?? '').trim().split(' ', 2)
    let user: KubeUser | undefined
    try {
      if (scheme.toLowerCase() === 'bearer' && token !== '') user = await reviews.userOf(token)
    } catch (error) {
      logOnce('authentication', `Cannot review a token: ${messageOf(error)}; such requests get 401`)
      countAuthentication('error')
      return undefined
    }
    countAuthentication(user === undefined ? 'refused' : 'token')
    return user
  }
}

/** The user that a verified client certificate names: the common name, and the organizations as groups. */
function readCertificate(socket: TLSSocket): CertificateUser | undefined {
  // Node.js takes a resumed session without a certificate for an authorized one.
  if (!socket.authorized) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const { subject, valid_to: validTo } = certificate.toLegacyObject()
  const { CN: names = [], O: groups = [] } = subject as { CN?: string | string[]; O?: string | string[] }
  const username = [names].flat().at(-1) ?? ''
  if (username === '') return undefined
  return { user: { username, groups: [...[groups].flat(), 'system:authenticated'] }, untilMs: Date.parse(validTo) }
}

/**
 * The subresources of nodes of which one right is enough for a path, as in pkg/kubelet/server/auth.go of Kubernetes 1.37. Older versions
 * require `proxy` for /pods, /healthz and /configz.
 */
export function subresourcesOf(path: string): string[] {
  const isIn = (base: string) => path === base || path.startsWith(`${base}/`)
  const own = isIn('/pods') || isIn('/allocatedPods') || isIn('/runningpods') ? 'pods' : undefined
  const fine = own ?? ['healthz', 'configz'].find(name => isIn(`/${name}`))
  if (fine !== undefined) return [fine, 'proxy']
  if (isIn('/logs')) return ['log']
  if (isIn('/flagz')) return ['configz']
  return [['stats', 'metrics', 'checkpoint', 'statusz'].find(name => isIn(`/${name}`)) ?? 'proxy']
}
