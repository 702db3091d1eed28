import { nodeRangeFlag, portFlag, socketFlag, strictFlags } from '../../cli/daemon.ts'
import { UsageError } from '../../cli/errors.ts'

/** The command line of the gateway, as `USAGE` describes it. */
export type GatewayFlags = NonNullable<ReturnType<typeof parseFlags>>

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
export function parseFlags(args: string[]) {
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
  const port = portFlag(values.port)
  const { address, kubeconfig = '' } = values
  if (kubeconfig === '') throw new UsageError('Cannot start the kubelet gateway', { why: '--kubeconfig is missing' })
  return {
    nodeRange: nodeRangeFlag(values['node-range']),
    socket: socketFlag('socket', values.socket),
    kubeletsSocket: socketFlag('kubelets-socket', values['kubelets-socket']),
    address,
    port,
    kubeconfig,
  }
}
