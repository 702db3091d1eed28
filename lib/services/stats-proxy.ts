import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { containerKubeconfigPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { bundleProgram } from './container-bundle.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, giveToContainers, insideDir, writeForContainer } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import type { ServiceSpec } from './process-services.ts'

const MAIN = join('lib', 'kubelet', 'stats-proxy-process.ts')
const STATE_FILE = 'counters.jsonl'
// Objects of a watch die young: with room for them, a third less time goes into collecting garbage.
const YOUNG_SPACE = '--max-semi-space-size=16'

/** How the lab's stats proxy is started; it answers once it has listed all nodes and pods. */
export async function statsProxyService(lab: Lab): Promise<ServiceSpec | ContainerSpec> {
  const shared = {
    name: 'stats-proxy',
    ready: async () => {
      const answer = await fetch(`${statsProxyUrl(lab)}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      )
      return answer?.ok === true
    },
    // Of 50,000 pods the first list takes its time on a busy machine.
    readyTimeoutMs: 180_000,
  } as const
  const args = (files: { kubeconfig: string; state: string }) => [
    ...['--kubeconfig', files.kubeconfig, '--usage-preset', lab.settings.usagePreset, '--state-file', files.state],
    ...['--otlp-url', `http://${addressesOf(lab).collectorHttp}`],
    ...['--interval-ms', String(lab.settings.collectionInterval)],
  ]
  const stateDir = join(lab.dataDir, 'stats-proxy')
  if (runtimeOf(lab) === 'binary') {
    return {
      ...shared,
      ...(await daemonCommand('stats-proxy', MAIN, {
        nodeFlags: [YOUNG_SPACE],
        args: [
          ...['--port', String(lab.settings.statsProxyPort)],
          ...args({ kubeconfig: kubeconfigPath(lab, 'stats-proxy'), state: join(stateDir, STATE_FILE) }),
        ],
      })),
    }
  }
  const { file, contents } = await bundleProgram(lab, 'stats-proxy', MAIN)
  const kubeconfig = readFileSync(containerKubeconfigPath(lab, 'stats-proxy'), 'utf8')
  writeForContainer(lab, 'stats-proxy', 'kubeconfig.yaml', kubeconfig)
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  giveToContainers(stateDir)
  const port = insidePorts.statsProxy
  const isWell = `fetch("http://127.0.0.1:${port}/healthz").then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))`
  return {
    ...shared,
    image: 'node',
    entrypoint: 'node',
    args: [
      ...[YOUNG_SPACE, `${insideDir}/${file}`, '--address', '0.0.0.0', '--port', String(port)],
      ...['--host-name', containerName(lab.settings.clusterName, 'stats-proxy')],
      ...args({ kubeconfig: `${insideDir}/kubeconfig.yaml`, state: `/data/${STATE_FILE}` }),
    ],
    mounts: [
      { from: containerDir(lab, 'stats-proxy'), to: insideDir },
      { from: stateDir, to: '/data', isWritable: true },
    ],
    ports: [[lab.settings.statsProxyPort, port]],
    health: `node -e '${isWell}'`,
    contents: `${contents}${kubeconfig}`,
  }
}

export function statsProxyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.statsProxyPort}`
}

/** A node's summary as the running proxy serves it; undefined when it doesn't run, or isn't ready, or has no such node. */
export async function servedSummary(lab: Lab, node: string): Promise<unknown> {
  const url = `${statsProxyUrl(lab)}/nodes/${encodeURIComponent(node)}/stats/summary`
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
  return answer?.ok === true ? await answer.json() : undefined
}
