import { strictFlags } from '../../cli/daemon.ts'
import { UsageError } from '../../cli/errors.ts'
import { type IpRange, ipRange } from '../../cli/ip-range.ts'

/** The command line of the gateway. */
export interface GatewayFlags {
  /** The Unix socket for kube-apiserver. */
  socket: string
  /** The address and port for tools on this machine. */
  address: string
  port: number
  /** The Unix socket of the stats proxy. */
  kubeletsSocket: string
  /** The addresses of simulated nodes. */
  nodeRange: IpRange
  kubeconfig: string
}

/** The longest path of a Unix socket, in bytes (unix(7)). */
const MOST_SOCKET_BYTES = 107

export const USAGE = `The kubelet gateway: HTTP CONNECT to the kubelets of simulated nodes, and for kube-apiserver to endpoints of the cluster.

  node --import tsx lib/kubelet/gateway/gateway-process.ts --socket PATH --port N --kubelets-socket PATH --kubeconfig FILE [flags]

  --socket PATH           the Unix socket for kube-apiserver's egress selector
  --port N                the port for tools, with /healthz and /metrics
  --address HOST          default 127.0.0.1
  --kubelets-socket PATH  the stats proxy's Unix socket
  --node-range CIDR       the addresses of simulated nodes (default 198.18.0.0/16)
  --kubeconfig FILE       the cluster whose EndpointSlices and Services kube-apiserver may reach
`

/** Reads the command line; undefined for `--help`. Throws a UsageError that names the invalid flag. */
export function parseFlags(args: string[]): GatewayFlags | undefined {
  const values = strictFlags(args, {
    what: 'the kubelet gateway',
    options: {
      socket: { type: 'string' },
      port: { type: 'string' },
      address: { type: 'string', default: '127.0.0.1' },
      'kubelets-socket': { type: 'string' },
      'node-range': { type: 'string', default: '198.18.0.0/16' },
      kubeconfig: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return undefined
  const { address, port = '', kubeconfig = '', 'node-range': range } = values
  if (!/^\d+$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`Cannot use --port ${port}`, { next: 'give a number from 0 to 65535' })
  }
  if (kubeconfig === '') throw new UsageError('Cannot start the kubelet gateway', { why: '--kubeconfig is missing' })
  const nodeRange = ipRange(range)
  if (nodeRange === undefined) {
    throw new UsageError(`Cannot use --node-range ${range}`, { next: 'give an IPv4 range like 198.18.0.0/16' })
  }
  return {
    socket: socketPath('socket', values.socket),
    kubeletsSocket: socketPath('kubelets-socket', values['kubelets-socket']),
    nodeRange,
    address,
    port: Number(port),
    kubeconfig,
  }
}

function socketPath(flag: string, path = ''): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > 0 && bytes <= MOST_SOCKET_BYTES) return path
  throw new UsageError(`Cannot use --${flag} ${path}`, {
    why: `the path of a Unix socket has 1 to ${MOST_SOCKET_BYTES} bytes, this one has ${bytes}`,
    next: 'name a shorter path',
  })
}
