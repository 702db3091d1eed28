import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { LabError } from '../cli/errors.ts'
import { fields, items, text } from './json.ts'

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

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
 * Reads a kubeconfig by the `KubeConfig` of @kubernetes/client-node, which supports certificates, tokens, token files and exec plugins.
 * Without `kubeconfig` it uses the pod's service account inside a pod, else kubectl's files: `KUBECONFIG`, `~/.kube/config`. Without
 * `context` it uses the current one. Only `insecure-skip-tls-verify` in the kubeconfig turns the certificate check off. A given file with only
 * certificates or a token is read without the library, which takes half a second to load.
 *
 * Throws a LabError when the file, the context, its cluster or its user does not exist, or an exec plugin fails.
 */
export async function loadCredentials({ kubeconfig, context }: ClusterChoice = {}): Promise<Credentials> {
  const plain = kubeconfig === undefined ? undefined : await plainCredentials(kubeconfig, context)
  if (plain !== undefined) return plain
  const inCluster =
    kubeconfig === undefined &&
    context === undefined &&
    process.env.KUBECONFIG === undefined &&
    process.env.KUBERNETES_SERVICE_HOST !== undefined &&
    existsSync(SERVICE_ACCOUNT_TOKEN)
  const worker = new Worker(new URL('./credentials-worker.js', import.meta.url), {
    execArgv: [],
    workerData: { library: import.meta.resolve('@kubernetes/client-node'), kubeconfig, context, inCluster },
  })
  try {
    const answer = await new Promise<{ credentials?: Credentials; failure?: string }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', code => reject(new Error(`the thread that reads it ended with code ${code}`)))
    })
    if (answer.credentials !== undefined) return answer.credentials
    throw new LabError(`Cannot read ${nameOf(kubeconfig)}`, {
      why: answer.failure,
      next: 'use an existing kubeconfig and a context in it',
    })
  } finally {
    await worker.terminate()
  }
}

/**
 * The credentials of a kubeconfig with only a server, its CA and a client certificate or a token, the form that kwokctl and the lab write.
 * Undefined for any other and for an invalid one, which the library handles.
 */
async function plainCredentials(kubeconfig: string, wanted: string | undefined): Promise<Credentials | undefined> {
  try {
    const { parse } = await import('yaml')
    const config = fields(parse(readFileSync(kubeconfig, 'utf8')))
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
        servername: undefined,
        rejectUnauthorized: true,
      },
      headers: user['token'] === undefined ? {} : { Authorization: `Bearer ${user['token']}` },
      auth: undefined,
    }
  } catch {
    return
  }
}

const clusterKeys = ['server', 'certificate-authority', 'certificate-authority-data']
const userKeys = ['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'token']

/** The value if it is an object with only these keys and text values, and not empty. */
function onlyTexts(value: unknown, keys: readonly string[]): Record<string, string> | undefined {
  const entries = Object.entries(fields(value))
  const isPlain = entries.length > 0 && entries.every(([key, each]) => keys.includes(key) && text(each) !== undefined)
  return isPlain ? (Object.fromEntries(entries) as Record<string, string>) : undefined
}

function nameOf(kubeconfig: string | undefined): string {
  return kubeconfig === undefined ? 'the default kubeconfig' : `kubeconfig ${kubeconfig}`
}
