import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { addressesOf } from '../lab/addresses.ts'
import type { Lab } from '../lab/lab.ts'
import { answersAt, defineService } from './define-service.ts'

/** The gateway: how kube-apiserver and tools on this machine reach the nodes' kubelets at the nodes' own addresses. */
export const kubeletGateway = defineService({
  name: 'kubelet-gateway',
  main: join('lib', 'kubelet', 'gateway', 'gateway-process.ts'),
  ports: ['kubeletProxyPort'],
  ...answersAt(lab => `${kubeletProxyUrl(lab)}/healthz`),
  run(lab, place) {
    const { apiServer, kubelets } = place.sockets()
    return {
      args: flagArgs({
        address: place.host,
        port: place.port('kubeletProxyPort'),
        kubeconfig: place.kubeconfig('kubelet-gateway'),
        socket: apiServer,
        'kubelets-socket': kubelets,
        'node-range': lab.settings.nodeIpRange,
      }),
      // Without it the API server reaches no aggregated API.
      isSupervised: true,
    }
  },
})

/**
 * The environment of a Go program of the lab that reaches the nodes' own addresses through the gateway, and the API server and these
 * addresses, `host:port`, without it. Go connects to loopback without a proxy; in the Docker runtime the others are containers.
 */
export function kubeletProxyEnv(lab: Lab, direct: readonly string[] = []): Record<string, string> {
  const { component, kubeletProxy } = addressesOf(lab)
  const hosts = [component('kube-apiserver'), ...direct].map(address => address.split(':')[0])
  return { HTTPS_PROXY: `http://${kubeletProxy}`, NO_PROXY: [...new Set(hosts)].join() }
}

/** The URL of the proxy to the nodes' own addresses. */
export function kubeletProxyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.kubeletProxyPort}`
}
