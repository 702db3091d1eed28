import { strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { type IpRange, ipRange } from '../cli/ip-range.ts'
import { CLUSTER_USAGE, type ClusterFlags, clusterFlags, clusterOptions } from './cluster-flags.ts'

/** The command line of the stats proxy. */
export interface StatsProxyFlags extends ClusterFlags {
  address: string
  port: number
  /** A host name it answers to, besides those of loopback. */
  hostName: string | undefined
  /** Without it, counters start at zero with each start. */
  stateFile: string | undefined
  /** Without it, no host metrics are pushed. */
  otlpUrl: string | undefined
  /** Without it, no kubelet answers at its node's address. */
  kubelets: KubeletFlags | undefined
}

/** How the kubelets answer at their nodes' addresses. */
export interface KubeletFlags {
  socket: string
  range: IpRange
  kubeletCaFile: string
  clientCaFile: string
}

/** The longest path of a Unix socket on Linux; macOS has 103. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** The text of `--help`. */
export const USAGE = `The stats proxy: a kubelet's API for each simulated node.

  node --import tsx lib/kubelet/stats-proxy-process.ts --port N [flags]

${CLUSTER_USAGE}  --port N            where it listens; 0 takes a free port and logs it
  --address HOST      default 127.0.0.1
  --host-name NAME    answers to this name too, besides localhost and the address
  --state-file FILE   keeps counters over restarts (default: they are not kept)
  --kubelets-socket PATH
                      a Unix socket that answers CONNECT <InternalIP>:10250 with that node's kubelet over TLS; needs the next two
  --kubelet-ca FILE   certificate and key of the CA that signs the kubelets' certificates
  --client-ca FILE    the CA of client certificates
  --node-range CIDR   the addresses of the nodes (default 198.18.0.0/16)
  --otlp-url URL      pushes the nodes' host metrics to it, as OTLP/HTTP (default: they are not pushed)
  --interval-ms N     the interval of these pushes (default 10000)
`

/** Reads the command line; undefined for `--help`. Throws a UsageError that names the invalid flag. */
export function parseFlags(args: string[]): StatsProxyFlags | undefined {
  const values = strictFlags(args, {
    what: 'the stats proxy',
    options: {
      ...clusterOptions,
      port: { type: 'string' },
      address: { type: 'string', default: '127.0.0.1' },
      'host-name': { type: 'string' },
      'state-file': { type: 'string' },
      'otlp-url': { type: 'string' },
      'kubelets-socket': { type: 'string' },
      'kubelet-ca': { type: 'string' },
      'client-ca': { type: 'string' },
      'node-range': { type: 'string', default: '198.18.0.0/16' },
    },
  })
  if (values.help === true) return undefined
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) {
    throw new UsageError(`Cannot use --port ${values.port ?? ''}`, { next: 'give a number from 0 to 65535' })
  }
  const { address, 'host-name': hostName, 'state-file': stateFile, 'otlp-url': otlpUrl } = values
  return { ...clusterFlags(values), address, port, hostName, stateFile, otlpUrl, kubelets: kubeletFlags(values) }
}

function kubeletFlags(values: {
  'kubelets-socket'?: string | undefined
  'kubelet-ca'?: string | undefined
  'client-ca'?: string | undefined
  'node-range': string
}): KubeletFlags | undefined {
  const { 'kubelets-socket': socket, 'kubelet-ca': kubeletCaFile, 'client-ca': clientCaFile } = values
  if (socket === undefined && kubeletCaFile === undefined && clientCaFile === undefined) return undefined
  if (socket === undefined || kubeletCaFile === undefined || clientCaFile === undefined) {
    throw new UsageError('Cannot serve the kubelets', {
      next: 'give all of --kubelets-socket, --kubelet-ca and --client-ca, or none',
    })
  }
  const range = ipRange(values['node-range'])
  if (range === undefined) {
    throw new UsageError(`Cannot use --node-range ${values['node-range']}`, {
      next: 'give a range such as 198.18.0.0/16',
    })
  }
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    throw new UsageError(`Cannot use --kubelets-socket ${socket}`, {
      next: `name a path of at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    })
  }
  return { socket, range, kubeletCaFile, clientCaFile }
}
