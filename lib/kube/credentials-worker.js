// Run by credentials.ts in a worker thread of its own, as plain JavaScript: what the client library costs (1.4 s and 130 MB
// through tsx, 0.5 s here) ends with the thread. Answers { credentials } or { failure }.
import { parentPort, workerData } from 'node:worker_threads'

const { library, kubeconfig, context, inCluster } = workerData

async function load() {
  const { KubeConfig } = await import(library)
  const config = new KubeConfig()
  if (inCluster) config.loadFromCluster()
  else if (kubeconfig !== undefined) config.loadFromFile(kubeconfig)
  else config.loadFromDefault()

  const wanted = context ?? config.getCurrentContext()
  if (config.getContextObject(wanted) === null) {
    const known = config.getContexts().map(each => each.name)
    throw new Error(`there is no context "${wanted ?? ''}" (there is: ${known.join(', ') || 'none'})`)
  }
  config.setCurrentContext(wanted)
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`context "${wanted}" names a cluster that is not there`)
  if (config.getCurrentUser() === null) throw new Error(`context "${wanted}" names a user that is not there`)
  if (cluster.proxyUrl) throw new Error(`cluster "${cluster.name}" has a proxy-url, which the lab cannot use`)

  const options = { headers: {} }
  await config.applyToHTTPSOptions(options)
  return {
    context: wanted,
    server: cluster.server,
    tls: {
      ca: options.ca?.toString(),
      cert: options.cert?.toString(),
      key: options.key?.toString(),
      servername: options.servername,
      // Said outright, or NODE_TLS_REJECT_UNAUTHORIZED in the environment would decide.
      rejectUnauthorized: options.rejectUnauthorized !== false,
    },
    headers: options.headers,
    auth: options.auth,
  }
}

load().then(
  credentials => parentPort.postMessage({ credentials }),
  error => parentPort.postMessage({ failure: error instanceof Error ? error.message : String(error) }),
)
