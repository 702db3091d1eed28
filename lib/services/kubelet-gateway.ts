import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { kubeconfigPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { ensureSocketDir } from '../lab/socket-dir.ts'
import { isOk, probe } from '../system/probe.ts'
import { daemonContainer } from './container-bundle.ts'
import { giveToContainers, insideDir } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import type { Service } from './service.ts'

const MAIN = join('lib', 'kubelet', 'gateway', 'gateway-process.ts')

/** What both runtimes share. */
const shared = (lab: Lab) => ({ name: 'kubelet-gateway', ready: () => isOk(healthUrl(lab)) })
const probeService = async (lab: Lab) => await probe({ url: healthUrl(lab) })

/** The gateway: how kube-apiserver and tools on this machine reach the nodes' kubelets at the nodes' own addresses. */
export const kubeletGateway = {
  name: 'kubelet-gateway',
  process: {
    ports: ['kubeletProxyPort'],
    probe: probeService,
    spec: async lab => ({
      ...shared(lab),
      // Without it the API server reaches no aggregated API.
      isSupervised: true,
      ...(await daemonCommand('kubelet-gateway', MAIN, {
        args: flagArgs({
          port: lab.settings.kubeletProxyPort,
          kubeconfig: kubeconfigPath(lab, 'kubelet-gateway'),
          ...flags(lab),
        }),
      })),
    }),
  },
  container: {
    ports: ['kubeletProxyPort'],
    probe: probeService,
    spec: async lab => {
      const daemon = await daemonContainer(lab, 'kubelet-gateway', MAIN, {
        args: flagArgs({
          address: '0.0.0.0',
          port: insidePorts.kubeletProxyPort,
          kubeconfig: `${insideDir}/kubeconfig.yaml`,
          ...flags(lab),
        }),
      })
      return {
        ...shared(lab),
        ...daemon,
        mounts: [...daemon.mounts, socketMount(lab)],
        ports: ['kubeletProxyPort'],
      }
    },
  },
} as const satisfies Service

/** The mount of the sockets' folder in a container of the lab that makes a socket. */
export function socketMount(lab: Lab) {
  const { dir, insideDir: to } = ensureSocketDir(lab)
  giveToContainers(dir)
  return { from: dir, to, isWritable: true }
}

function flags(lab: Lab) {
  const { apiServer, kubelets } = ensureSocketDir(lab)
  return { socket: apiServer, 'kubelets-socket': kubelets, 'node-range': lab.settings.nodeIpRange }
}

function healthUrl(lab: Lab): string {
  return `${kubeletProxyUrl(lab)}/healthz`
}

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
