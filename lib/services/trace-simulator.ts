import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { containerLog, inspectContainer } from '../docker/containers.ts'
import { addressesOf } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { containerKubeconfigPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { bundleProgram } from './container-bundle.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, insideDir, writeForContainer } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import type { ServiceSpec, Services } from './process-services.ts'

const MAIN = join('lib', 'traces', 'trace-simulator-process.ts')
const YOUNG_SPACE = '--max-semi-space-size=16'

/** How the lab's trace simulator is started; it is ready once it has listed workloads, Services and pods. */
export async function tracesService(lab: Lab, services: Pick<Services, 'state'>): Promise<ServiceSpec | ContainerSpec> {
  const { traceRate, usagePreset, collectionInterval } = lab.settings
  const args = (kubeconfig: string) => [
    ...['--kubeconfig', kubeconfig, '--otlp-url', `http://${addressesOf(lab).collectorHttp}`],
    ...['--rate', String(traceRate), '--usage-preset', usagePreset, '--interval-ms', String(collectionInterval)],
  ]
  if (runtimeOf(lab) === 'binary') {
    return {
      name: 'traces',
      ...(await daemonCommand('traces', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: [...args(kubeconfigPath(lab, 'traces')), '--ready-file', readyPath(lab)],
      })),
      ready: () => tracesReady(lab, services),
      readyTimeoutMs: 60_000,
    }
  }
  const { file, contents } = await bundleProgram(lab, 'traces', MAIN)
  const kubeconfig = readFileSync(containerKubeconfigPath(lab, 'traces'), 'utf8')
  writeForContainer(lab, 'traces', 'kubeconfig.yaml', kubeconfig)
  return {
    name: 'traces',
    image: 'node',
    entrypoint: 'node',
    args: [YOUNG_SPACE, `${insideDir}/${file}`, ...args(`${insideDir}/kubeconfig.yaml`)],
    mounts: [{ from: containerDir(lab, 'traces'), to: insideDir }],
    contents: `${contents}${kubeconfig}`,
    ready: () => tracesReady(lab, services),
    readyTimeoutMs: 60_000,
  }
}

/** Whether the trace simulator that runs has listed workloads, Services and pods. */
export async function tracesReady(lab: Lab, services: Pick<Services, 'state'>): Promise<boolean> {
  if (runtimeOf(lab) === 'docker') {
    const container = containerName(lab.settings.clusterName, 'traces')
    const since = (await inspectContainer(container))?.startedAt
    return since !== undefined && / ready: \d/.test(await containerLog(container, { since }))
  }
  const pid = (await services.state('traces')).process?.pid
  const path = readyPath(lab)
  return pid !== undefined && existsSync(path) && readFileSync(path, 'utf8') === String(pid)
}

function readyPath(lab: Lab): string {
  return join(lab.configDir, 'traces.ready')
}
