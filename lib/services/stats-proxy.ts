import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { caPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import { ensureKubeletCa } from '../lab/kubelet-ca.ts'
import type { Lab } from '../lab/lab.ts'
import { hasOtelMetrics } from '../lab/metrics-dialects.ts'
import { ensureSocketDir } from '../lab/socket-dir.ts'
import { isOk, probe } from '../system/probe.ts'
import { daemonContainer } from './container-bundle.ts'
import { copyForContainer, giveToContainers, insideDir } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { socketMount } from './kubelet-gateway.ts'
import type { Service } from './service.ts'

const MAIN = join('lib', 'kubelet', 'stats-proxy-process.ts')
const STATE_FILE = 'counters.jsonl'
// Most objects of a watch are short-lived: a larger young generation takes a third off the garbage collection.
const YOUNG_SPACE = '--max-semi-space-size=16'

/** What both runtimes share. It answers once it has listed all nodes and pods. */
const shared = (lab: Lab) => ({
  name: 'stats-proxy',
  ready: () => isOk(readyUrl(lab)),
  // Listing 50,000 pods takes minutes on a busy machine.
  readyTimeoutMs: 180_000,
})
const probeService = async (lab: Lab) => await probe({ url: readyUrl(lab) })

/** The stats proxy: a kubelet's API for each simulated node. */
export const statsProxy = {
  name: 'stats-proxy',
  process: {
    ports: ['statsProxyPort'],
    probe: probeService,
    spec: async lab => ({
      ...shared(lab),
      ...(await daemonCommand('stats-proxy', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: flagArgs({
          port: lab.settings.statsProxyPort,
          ...flags(lab, {
            kubeconfig: kubeconfigPath(lab, 'stats-proxy'),
            state: join(stateDir(lab), STATE_FILE),
            kubeletCa: await kubeletCaFile(lab),
            clientCa: caPath(lab),
          }),
        }),
      })),
    }),
  },
  container: {
    ports: ['statsProxyPort'],
    probe: probeService,
    spec: async lab => {
      mkdirSync(stateDir(lab), { recursive: true, mode: 0o700 })
      giveToContainers(stateDir(lab))
      const port = insidePorts.statsProxyPort
      const isWell = `fetch("http://127.0.0.1:${port}/healthz").then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))`
      const daemon = await daemonContainer(lab, 'stats-proxy', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: flagArgs({
          address: '0.0.0.0',
          port,
          'host-name': containerName(lab.settings.clusterName, 'stats-proxy'),
          ...flags(lab, {
            kubeconfig: `${insideDir}/kubeconfig.yaml`,
            state: `/data/${STATE_FILE}`,
            kubeletCa: copyForContainer(lab, 'stats-proxy', await kubeletCaFile(lab)),
            clientCa: copyForContainer(lab, 'stats-proxy', caPath(lab)),
          }),
        }),
      })
      return {
        ...shared(lab),
        ...daemon,
        mounts: [...daemon.mounts, { from: stateDir(lab), to: '/data', isWritable: true }, socketMount(lab)],
        ports: ['statsProxyPort'],
        health: `node -e '${isWell}'`,
      }
    },
  },
} as const satisfies Service

async function kubeletCaFile(lab: Lab): Promise<string> {
  return (await ensureKubeletCa(lab, lab.settings.nodeIpRange)).file
}

interface Files {
  kubeconfig: string
  state: string
  kubeletCa: string
  clientCa: string
}

function flags(lab: Lab, files: Files) {
  return {
    kubeconfig: files.kubeconfig,
    'usage-preset': lab.settings.usagePreset,
    'state-file': files.state,
    'kubelets-socket': ensureSocketDir(lab).kubelets,
    'node-range': lab.settings.nodeIpRange,
    'kubelet-ca': files.kubeletCa,
    'client-ca': files.clientCa,
    'otlp-url': hasOtelMetrics(lab) ? `http://${addressesOf(lab).collectorHttp}` : undefined,
    'interval-ms': lab.settings.collectionInterval,
  }
}

function stateDir(lab: Lab): string {
  return join(lab.dataDir, 'stats-proxy')
}

function readyUrl(lab: Lab): string {
  return `${statsProxyUrl(lab)}/readyz`
}

export function statsProxyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.statsProxyPort}`
}
