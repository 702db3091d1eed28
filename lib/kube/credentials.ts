import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { LabError, messageOf } from '../cli/errors.ts'
import { fields, items, text } from './json.ts'

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** A kubeconfig file and a context in it, both with the defaults of `loadCredentials()`. */
export interface ClusterChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
}

/** Everything that a connection to an API server needs, as plain data. */
export interface Credentials {
  /** The name of the context in the kubeconfig; `inClusterContext` in a pod. */
  context: string
  /** The base URL, which can have a path. */
  server: string
  /** PEM texts and options of the certificate check. */
  tls: {
    ca?: string | undefined
    cert?: string | undefined
    key?: string | undefined
    servername?: string | undefined
    rejectUnauthorized: boolean
  }
  /** `Authorization`, `Impersonate-User`. */
  headers: Record<string, string>
  /** `name:password` of basic authentication. */
  auth?: string | undefined
}

/**
 * Reads a kubeconfig. Without `kubeconfig` it uses the pod's service account inside a pod, else kubectl's files: `KUBECONFIG`,
 * `~/.kube/config`. Without `context` it uses the current one. Only `insecure-skip-tls-verify` in the kubeconfig turns the certificate
 * check off.
 *
 * A given file with only certificates or a token, and a service account, are read without @kubernetes/client-node, which takes half a second
 * and 80 MB to load, and which bundles for containers do not have.
 *
 * Throws a LabError when the file, the context, its cluster or its user does not exist, or an exec plugin fails.
 */
export async function loadCredentials({ kubeconfig, context }: ClusterChoice = {}): Promise<Credentials> {
  try {
    const inPod = kubeconfig === undefined && context === undefined ? podCredentials() : undefined
    const plain = kubeconfig === undefined ? inPod : await plainCredentials(kubeconfig, context)
    return plain ?? (await libraryCredentials(kubeconfig, context))
  } catch (error) {
    const name = kubeconfig === undefined ? 'the default kubeconfig' : `kubeconfig ${kubeconfig}`
    throw new LabError(`Cannot read ${name}`, {
      why: messageOf(error),
      next: 'use an existing kubeconfig and a context in it',
    })
  }
}

/** The credentials of the pod's service account, whose token changes; undefined outside a pod, and with `KUBECONFIG`. */
export function podCredentials(env = process.env, dir = SERVICE_ACCOUNT_DIR): Credentials | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG } = env
  const tokenFile = join(dir, 'token')
  if (KUBECONFIG !== undefined || host === undefined || !existsSync(tokenFile)) return
  return {
    context: 'inClusterContext',
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    tls: { ca: readFileSync(join(dir, 'ca.crt'), 'utf8'), rejectUnauthorized: true },
    headers: { Authorization: `Bearer ${readFileSync(tokenFile, 'utf8')}` },
  }
}

/** The credentials of any kubeconfig, with exec plugins and the other ways that @kubernetes/client-node supports. */
async function libraryCredentials(kubeconfig: string | undefined, context: string | undefined): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  const wanted = context ?? config.getCurrentContext()
  if (config.getContextObject(wanted) === null) {
    const known = config.getContexts().map(({ name }) => name)
    throw new Error(`there is no context "${wanted ?? ''}" (there is: ${known.join(', ') || 'none'})`)
  }
  config.setCurrentContext(wanted)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`context "${wanted}" names a cluster that is not there`)
  if (config.getCurrentUser() === null) throw new Error(`context "${wanted}" names a user that is not there`)
  if (cluster.proxyUrl) throw new Error(`cluster "${cluster.name}" has a proxy-url, which the lab cannot use`)
  const headers: Record<string, string> = {}
  const options: RequestOptions = { headers }
  await config.applyToHTTPSOptions(options)
  return {
    context: wanted,
    server: cluster.server,
    tls: {
      ca: options.ca?.toString(),
      cert: options.cert?.toString(),
      key: options.key?.toString(),
      servername: options.servername,
      // Set in any case: otherwise NODE_TLS_REJECT_UNAUTHORIZED in the environment would decide.
      rejectUnauthorized: options.rejectUnauthorized !== false,
    },
    headers,
    auth: options.auth ?? undefined,
  }
}

/**
 * The credentials of a kubeconfig with only a server, its CA and a client certificate or a token, the form that kwokctl and the lab write.
 * Undefined for any other and for an invalid one, which the library handles. Throws when the file cannot be read.
 */
async function plainCredentials(kubeconfig: string, wanted: string | undefined): Promise<Credentials | undefined> {
  const document = readFileSync(kubeconfig, 'utf8')
  try {
    const { parse } = await import('yaml')
    const config = fields(parse(document))
    const named = (list: string, name: unknown) =>
      fields(
        items(config[list])
          .map(fields)
          .find(each => each['name'] === name),
      )
    const context = wanted ?? text(config['current-context'])
    const chosen = fields(named('contexts', context)['context'])
    const cluster = onlyTexts(named('clusters', chosen['cluster'])['cluster'], clusterKeys)
    const user = onlyTexts(named('users', chosen['user'])['user'], userKeys)
    if (context === undefined || cluster?.['server']?.startsWith('https://') !== true || user === undefined) return
    const pem = (from: Record<string, string>, key: string) => {
      const [path, data] = [from[key], from[`${key}-data`]]
      if (path !== undefined) return readFileSync(resolve(dirname(kubeconfig), path), 'utf8')
      return data === undefined ? undefined : Buffer.from(data, 'base64').toString()
    }
    return {
      context,
      server: cluster['server'].replace(/\/$/, ''),
      tls: {
        ca: pem(cluster, 'certificate-authority'),
        cert: pem(user, 'client-certificate'),
        key: pem(user, 'client-key'),
        servername: cluster['tls-server-name'],
        rejectUnauthorized: true,
      },
      headers: user['token'] === undefined ? {} : { Authorization: `Bearer ${user['token']}` },
      auth: undefined,
    }
  } catch {
    return
  }
}

const clusterKeys = ['server', 'certificate-authority', 'certificate-authority-data', 'tls-server-name']
const userKeys = ['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'token']

/** The value if it is an object with only these keys and text values, and not empty. */
function onlyTexts(value: unknown, keys: readonly string[]): Record<string, string> | undefined {
  const entries = Object.entries(fields(value))
  const isPlain = entries.length > 0 && entries.every(([key, each]) => keys.includes(key) && text(each) !== undefined)
  return isPlain ? (Object.fromEntries(entries) as Record<string, string>) : undefined
}
