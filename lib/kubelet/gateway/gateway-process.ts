// The kubelet gateway's process: HTTP CONNECT to the kubelets of simulated nodes for tools on this machine, and for kube-apiserver also to
// endpoints of the cluster. It knows no pods and no TLS, so that the stats proxy can end without the aggregated APIs. Ends on SIGTERM or SIGINT.
//
//   node --import tsx lib/kubelet/gateway/gateway-process.ts --socket /tmp/a/apiserver.sock --port 10251 --kubelets-socket /tmp/a/kubelets.sock --kubeconfig FILE
//   curl --proxy http://127.0.0.1:10251 --proxytunnel --cacert ca.crt https://198.18.0.1:10250/healthz
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, listen, logOnce, runDaemon } from '../../cli/daemon.ts'
import { connect } from '../../kube/api-client.ts'
import { NODE_PORTS } from '../../kube/node-address.ts'
import { startReflector } from '../../kube/reflector.ts'
import { addressesBesideApiServer } from './api-server-address.ts'
import { clusterService, createClusterEndpoints, type Destination, endpointSlice } from './cluster-endpoints.ts'
import { createConnectProxy, dialTcp, dialThrough, Refusal } from './connect-proxy.ts'
import { type GatewayFlags, parseFlags, USAGE } from './gateway-flags.ts'
import { createGatewayMetrics, type Way } from './gateway-metrics.ts'

/** How long kube-apiserver waits for the first list of endpoints. Its own limit for aggregated discovery is 5 s. */
const FIRST_LIST_MS = 10_000

await runDaemon({ usage: USAGE, parseFlags, start })

async function start(flags: GatewayFlags, { signal, log, onStop }: Daemon): Promise<void> {
  const metrics = createGatewayMetrics()
  const logRefusal = logOnce(log)
  const shared = (way: Way) => ({
    onTunnel: (change: 'open' | 'closed') => metrics.countTunnel(way, change),
    onRefusal: (reason: string, what: string) => {
      metrics.countRefusal(way, reason)
      logRefusal(`${way} ${reason}`, `refused: ${what} (further ones of this kind are only counted)`)
    },
  })
  const isOfNode = ({ host, port }: Destination) => flags.nodeRange.includes(host) && NODE_PORTS.includes(port)
  const toNode = (asked: Destination) => dialThrough(flags.kubeletsSocket, asked)
  const client = await connect({ kubeconfig: flags.kubeconfig })
  const apiServer = destinationOfUrl(client.server)
  const endpoints = createClusterEndpoints()

  const forTools = createConnectProxy({
    ...shared('port'),
    answer: answerPlainly(metrics),
    // One for each node and scrape job. Fewer than for the API server: tools must not use up the descriptors of the process.
    limits: { connections: 8_192 },
    dial: async asked => {
      if (isOfNode(asked)) return await toNode(asked)
      throw forbidden('only simulated nodes, at 10250 and 9100')
    },
  })
  const forApiServer = createConnectProxy({
    ...shared('apiserver'),
    answer: (_, response) => response.writeHead(405, { allow: 'CONNECT' }).end('only CONNECT\n'),
    dial: async asked => {
      if (isOfNode(asked)) return await toNode(asked)
      await Promise.race([listed, sleep(FIRST_LIST_MS, undefined, { ref: false })])
      if (!isListed()) throw new Refusal(503, 'not-listed', 'the endpoints of the cluster are not listed yet')
      const found = endpoints.resolve(asked)
      const addresses = found && (await addressesBesideApiServer(found, apiServer))
      if (found === undefined || addresses === undefined) {
        throw forbidden('neither a port of a simulated node nor an endpoint outside of nodes')
      }
      return await dialTcp(found, addresses)
    },
  })
  onStop(async () => {
    for (const server of [forTools, forApiServer]) server.close()
  })
  // First, because a second gateway fails here and leaves the socket alone.
  await listen(forTools, { host: flags.address, port: flags.port })
  const watch = { client, signal, log }
  const slices = startReflector({
    ...watch,
    path: '/apis/discovery.k8s.io/v1/endpointslices',
    reduce: endpointSlice,
    apply: endpoints.applySlice,
  })
  const services = startReflector({
    ...watch,
    path: '/api/v1/services',
    reduce: clusterService,
    apply: endpoints.applyService,
  })
  const isListed = () => slices.synced && services.synced
  const listed = Promise.all([slices.firstSync, services.firstSync])
  // A clean-up of /tmp may have deleted the folder.
  mkdirSync(dirname(flags.socket), { recursive: true, mode: 0o700 })
  rmSync(flags.socket, { force: true })
  // Only the user may connect.
  process.umask(0o177)
  await listen(forApiServer, { path: flags.socket })
  const bound = forTools.address()
  endWhenCutOff(flags.socket, log)
  log(`listening on ${flags.socket} and ${flags.address}:${typeof bound === 'object' ? bound?.port : flags.port}`)
  await listed
  log('ready: the endpoints of the cluster are listed')
}

function forbidden(message: string): Refusal {
  return new Refusal(403, 'forbidden', `Forbidden: ${message}`)
}

function answerPlainly(metrics: ReturnType<typeof createGatewayMetrics>): RequestListener {
  return async ({ method, url }, response) => {
    if (method !== 'GET') response.writeHead(405, { allow: 'GET, CONNECT' }).end()
    else if (url === '/healthz') response.end('ok')
    else if (url === '/metrics') {
      const { body, contentType } = await metrics.expose()
      response.writeHead(200, { 'content-type': contentType }).end(body)
    } else response.writeHead(404).end('only /healthz, /metrics and CONNECT\n')
  }
}

function destinationOfUrl(server: string): Destination {
  const { hostname, port, protocol } = new URL(server)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'http:' ? 80 : 443) }
}

/**
 * Ends this process when its socket was deleted, so that the next one makes it again, and when the shell that would start the next one has
 * ended: nothing else would end this one, and it has the port.
 */
function endWhenCutOff(socket: string, log: Daemon['log']): void {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid === parent && existsSync(socket)) return
    log(process.ppid === parent ? `${socket} was deleted: ending` : 'the parent process has ended: ending')
    process.exit(1)
  }, 1_000).unref()
}
