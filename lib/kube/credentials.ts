import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { LabError } from '../errors.ts'

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Which cluster is meant: a kubeconfig file and a context of it, both with the defaults of `loadCredentials()`. */
export interface ClusterChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
}

/** All that a connection to an API server needs, as plain data. */
export interface Credentials {
  /** The name of the context, as in the kubeconfig; `inClusterContext` in a pod. */
  context: string
  /** Base URL, maybe with a path. */
  server: string
  /** PEM texts, and how the server is checked. */
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
 * Reads a kubeconfig by the `KubeConfig` of @kubernetes/client-node, so that all its ways to log in work (certificates,
 * tokens, token files, exec plugins). Without `kubeconfig` it is the pod's own service account inside a pod, else what
 * kubectl takes: `KUBECONFIG`, `~/.kube/config`. Without `context` it is the file's current one. A kubeconfig that says
 * `insecure-skip-tls-verify` is obeyed, nothing else turns the check off.
 *
 * Throws LabError when the file, the context, its cluster or its user isn't there, or a log-in program fails.
 */
export async function loadCredentials({ kubeconfig, context }: ClusterChoice = {}): Promise<Credentials> {
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
      next: 'name a kubeconfig that is there and a context in it',
    })
  } finally {
    await worker.terminate()
  }
}

function nameOf(kubeconfig: string | undefined): string {
  return kubeconfig === undefined ? 'the default kubeconfig' : `kubeconfig ${kubeconfig}`
}
