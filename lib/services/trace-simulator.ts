import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { containerLog, inspectContainer } from '../docker/containers.ts'
import { addressesOf } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { defineService } from './define-service.ts'
import type { Place } from './place.ts'
import { wroteItsPid } from './process-services.ts'

/** The trace simulator. It is ready once it has listed workloads, Services and pods. */
export const traceSimulator = defineService({
  name: 'traces',
  main: join('lib', 'traces', 'trace-simulator-process.ts'),
  nodeFlags: ['--max-semi-space-size=16'],
  ports: [],
  ready: isReady,
  probe: async (lab, kind) => ((await isReady(lab, kind)) ? undefined : 'it has not listed the cluster yet'),
  run(lab, place) {
    const { traceRate, usagePreset, collectionInterval } = lab.settings
    return {
      args: flagArgs({
        kubeconfig: place.kubeconfig('traces'),
        'otlp-url': `http://${addressesOf(lab).collectorHttp}`,
        rate: traceRate,
        'usage-preset': usagePreset,
        'interval-ms': collectionInterval,
        'ready-file': place.kind === 'process' ? readyPath(lab) : undefined,
      }),
      readyTimeoutMs: 60_000,
    }
  },
})

async function isReady(lab: Lab, kind: Place['kind']): Promise<boolean> {
  if (kind === 'process') return await wroteItsPid(lab, 'traces', readyPath(lab))
  const container = containerName(lab.settings.clusterName, 'traces')
  const since = (await inspectContainer(container))?.startedAt
  return since !== undefined && / ready: \d/.test(await containerLog(container, { since }))
}

function readyPath(lab: Lab): string {
  return join(lab.configDir, 'traces.ready')
}
