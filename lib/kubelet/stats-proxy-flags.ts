import { nodeRangeFlag, portFlag, socketFlag, strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { CLUSTER_USAGE, clusterFlags, clusterOptions } from './cluster-flags.ts'

/** The command line of the stats proxy, as `USAGE` describes it. */
export type StatsProxyFlags = NonNullable<ReturnType<typeof parseFlags>>
/** How the kubelets answer at their nodes' addresses. */
export type KubeletFlags = NonNullable<ReturnType<typeof kubeletFlags>>
/** What it is among several stats proxies of a cluster. */
export type ShardFlags = NonNullable<ReturnType<typeof shardFlags>>

/** The text of `--help`. */
export const USAGE = `The stats proxy: a kubelet's API for each simulated node.

  node --import tsx lib/kubelet/stats-proxy-process.ts --port N [flags]

${CLUSTER_USAGE}  --port N            where it listens; 0 takes a free port and logs it
  --address HOST      default 127.0.0.1
  --host-name NAME    answers to this name too, besides localhost and the address
  --state-file FILE   keeps counters over restarts (default: they are not kept)
  --kubelets-socket PATH
                      a Unix socket that answers CONNECT <InternalIP>:10250 with that node's kubelet over TLS; needs the next two
  --shard-domain DOMAIN
                      one of several in a cluster: the pod <first part of DOMAIN>-<number>.DOMAIN serves the nodes with label
                      kube-otel-lab/simulated that it owns, each at a port of its own; needs --pod-name, --pod-ip and the next two
  --kubelet-ca FILE   certificate and key of the CA that signs the kubelets' certificates
  --client-ca FILE    the CA of client certificates
  --node-range CIDR   the addresses of the nodes (default 198.18.0.0/16)
  --otlp-url URL      pushes the nodes' host metrics to it, as OTLP/HTTP (default: they are not pushed)
  --interval-ms N     the interval of these pushes (default 10000)
`

const options = {
  ...clusterOptions,
  port: { type: 'string' },
  address: { type: 'string', default: '127.0.0.1' },
  'host-name': { type: 'string' },
  'state-file': { type: 'string' },
  'otlp-url': { type: 'string' },
  'kubelets-socket': { type: 'string' },
  'shard-domain': { type: 'string' },
  'pod-name': { type: 'string', default: '' },
  'pod-ip': { type: 'string', default: '' },
  'kubelet-ca': { type: 'string' },
  'client-ca': { type: 'string' },
  'node-range': { type: 'string', default: '198.18.0.0/16' },
} as const

/** Reads the command line; undefined for `--help`. Throws a UsageError that names the invalid flag. */
export function parseFlags(args: string[]) {
  const values = strictFlags(args, { what: 'the stats proxy', options })
  if (values.help === true) return undefined
  const port = portFlag(values.port)
  const { address, 'host-name': hostName, 'state-file': stateFile, 'otlp-url': otlpUrl } = values
  const shard = shardFlags(values)
  const kubelets = shard === undefined ? kubeletFlags(values) : undefined
  return { ...clusterFlags(values), address, port, hostName, stateFile, otlpUrl, kubelets, shard }
}

function kubeletFlags(values: ReturnType<typeof strictFlags<typeof options>>) {
  const { 'kubelets-socket': socket, 'kubelet-ca': kubeletCaFile, 'client-ca': clientCaFile } = values
  if (socket === undefined && kubeletCaFile === undefined && clientCaFile === undefined) return undefined
  if (socket === undefined || kubeletCaFile === undefined || clientCaFile === undefined) {
    throw new UsageError('Cannot serve the kubelets', {
      next: 'give all of --kubelets-socket, --kubelet-ca and --client-ca, or none',
    })
  }
  const range = nodeRangeFlag(values['node-range'])
  return { socket: socketFlag('kubelets-socket', socket), range, kubeletCaFile, clientCaFile }
}

function shardFlags(values: ReturnType<typeof strictFlags<typeof options>>) {
  const { 'shard-domain': domain, 'pod-name': podName, 'pod-ip': podIp, address } = values
  if (domain === undefined) return undefined
  const { 'kubelet-ca': kubeletCaFile, 'client-ca': clientCaFile } = values
  const [, set, shard] = /^(.+)-(\d+)$/.exec(podName) ?? []
  const [name, namespace = ''] = domain.split('.')
  if (set !== name || namespace === '' || podIp === '' || kubeletCaFile === undefined || clientCaFile === undefined) {
    throw new UsageError(`Cannot serve a shard of ${domain}`, {
      why: `the pod is ${podName || 'not named'}, its address ${podIp || 'not given'}`,
      next: `give --pod-name ${name}-<number>, --pod-ip, --kubelet-ca and --client-ca`,
    })
  }
  return { shard: Number(shard), domain, namespace, podIp, address, kubeletCaFile, clientCaFile }
}
