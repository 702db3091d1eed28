import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { containerLog, inspectContainer } from '../docker/containers.ts'
import { addressesOf } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { kubeconfigPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { daemonContainer } from './container-bundle.ts'
import { insideDir } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { wroteItsPid } from './process-services.ts'
import type { Service } from './service.ts'

const MAIN = join('lib', 'traces', 'trace-simulator-process.ts')
const YOUNG_SPACE = '--max-semi-space-size=16'

/** The trace simulator. It is ready once it has listed workloads, Services and pods. */
export const traceSimulator = {
  name: 'traces',
  process: {
    probe: async lab => notListed(await isReadyProcess(lab)),
    spec: async lab => ({
      name: 'traces',
      ...(await daemonCommand('traces', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: flagArgs({ ...flags(lab, kubeconfigPath(lab, 'traces')), 'ready-file': readyPath(lab) }),
      })),
      ready: () => isReadyProcess(lab),
      readyTimeoutMs: 60_000,
    }),
  },
  container: {
    probe: async lab => notListed(await isReadyContainer(lab)),
    spec: async lab => ({
      name: 'traces',
      ...(await daemonContainer(lab, 'traces', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: flagArgs(flags(lab, `${insideDir}/kubeconfig.yaml`)),
      })),
      ready: () => isReadyContainer(lab),
      readyTimeoutMs: 60_000,
    }),
  },
} as const satisfies Service

function flags(lab: Lab, kubeconfig: string) {
  const { traceRate, usagePreset, collectionInterval } = lab.settings
  return {
    kubeconfig,
    'otlp-url': `http://${addressesOf(lab).collectorHttp}`,
    rate: traceRate,
    'usage-preset': usagePreset,
    'interval-ms': collectionInterval,
  }
}

function notListed(isReady: boolean): string | undefined {
  return isReady ? undefined : 'it has not listed the cluster yet'
}

async function isReadyProcess(lab: Lab): Promise<boolean> {
  return await wroteItsPid(lab, 'traces', readyPath(lab))
}

async function isReadyContainer(lab: Lab): Promise<boolean> {
  const container = containerName(lab.settings.clusterName, 'traces')
  const since = (await inspectContainer(container))?.startedAt
  return since !== undefined && / ready: \d/.test(await containerLog(container, { since }))
}

function readyPath(lab: Lab): string {
  return join(lab.configDir, 'traces.ready')
}
