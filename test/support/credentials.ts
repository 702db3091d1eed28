import { createPrivateKey, X509Certificate } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { request } from 'node:https'

/** What can be shown to an API server: a token, or a key with a certificate for it. */
export interface Credential {
  /** The file, container or process it was found in. */
  where: string
  token?: string
  key?: string
  certificate?: string
}

/** A text to look for credentials in, and where it is from. */
export interface Source {
  where: string
  text: string
}

/** The texts of files; one that is no file, or large, is left out. */
export function sourcesOf(files: readonly string[]): Source[] {
  return files.flatMap(file => {
    const stat = lstatSync(file, { throwIfNoEntry: false })
    return stat?.isFile() === true && stat.size < 2 ** 20 ? [{ where: file, text: readFileSync(file, 'utf8') }] : []
  })
}

/** Every token and private key in the texts, a key with the first of the certificates, in the texts or given, that it fits. */
export function credentialsIn(sources: readonly Source[], certificates: readonly string[]): Credential[] {
  // JSON has line breaks of a PEM text as \n, a kubeconfig the whole text as base64.
  const texts = sources.map(({ where, text }) => {
    const data = [...text.matchAll(/-data: (\S+)/g)].map(([, base64 = '']) => Buffer.from(base64, 'base64').toString())
    return { where, text: [text, ...data].join('\n').replaceAll('\\n', '\n') }
  })
  const pem = (text: string, what: string) =>
    [...text.matchAll(new RegExp(`-----BEGIN ${what}-----[^-]+-----END ${what}-----`, 'g'))].map(([found]) => found)
  const known = [...certificates, ...texts.flatMap(({ text }) => pem(text, 'CERTIFICATE'))]
  return texts.flatMap(({ where, text }): Credential[] => {
    const tokens = [...text.matchAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)].map(([token]) => ({ where, token }))
    const keys = pem(text, '[A-Z ]*PRIVATE KEY').map(key => {
      const fitting = known.find(each => new X509Certificate(each).checkPrivateKey(createPrivateKey(key)))
      return { where, key, ...(fitting === undefined ? {} : { certificate: fitting }) }
    })
    return [...tokens, ...keys]
  })
}

/** What nothing that the lab starts may do. Nothing is changed: objects are created as dry runs. */
export function privileges(node: string): { name: string; method: string; path: string; body?: unknown }[] {
  const dryRun = '?dryRun=All'
  return [
    {
      name: 'create pods',
      method: 'POST',
      path: `/api/v1/namespaces/default/pods${dryRun}`,
      body: { metadata: { name: 'x' }, spec: { containers: [{ name: 'x', image: 'x' }] } },
    },
    { name: 'get secrets', method: 'GET', path: '/api/v1/secrets' },
    { name: 'get nodes/proxy', method: 'GET', path: `/api/v1/nodes/${node}/proxy/pods` },
    {
      name: 'create clusterrolebindings',
      method: 'POST',
      path: `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings${dryRun}`,
      body: {
        metadata: { name: 'x' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [],
      },
    },
  ]
}

/** The API server's status for a request with a credential. */
export async function statusWith(
  { token, key, certificate }: Credential,
  server: { url: string; ca: string },
  { method, path, body }: { method: string; path: string; body?: unknown },
): Promise<number> {
  const options = {
    ...{ method, ca: server.ca, agent: false, timeout: 10_000 },
    ...(key === undefined || certificate === undefined ? {} : { key, cert: certificate }),
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  }
  return await new Promise((resolve, reject) => {
    const asked = request(`${server.url}${path}`, options, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.once('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
