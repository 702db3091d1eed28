import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { markCluster } from '../lab/cluster-owner.ts'
import { type Component, components } from '../lab/components.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { type Runtime, runtimeOf } from '../lab/runtime.ts'
import { programPath } from '../programs/programs.ts'
import { run } from '../system/run.ts'
import { waitUntil } from '../system/wait.ts'
import { dockerControlPlane } from './component-containers.ts'
import { binaryControlPlane } from './component-processes.ts'
import type { ControlPlane } from './control-plane.ts'
import { kwokctl } from './kwokctl.ts'
import { labKwokctlConfig } from './kwokctl-config.ts'

/** How the control plane of a lab runs. */
export function controlPlaneOf(lab: Lab): ControlPlane {
  // The one place that chooses; the two implementations stand side by side.
  return runtimeOf(lab) === 'docker' ? dockerControlPlane : binaryControlPlane
}

/** The arguments of kwokctl that create the cluster. The user's kubeconfig is changed by another step. */
export function createClusterArgs(name: string, configPath: string, runtime: Runtime): string[] {
  const files = ['--config', configPath, '--kubeconfig', '']
  return ['create', 'cluster', '--name', name, '--runtime', runtime, ...files, ...waitArgs(runtime)]
}

/**
 * With processes, kwokctl waits for the API server without --wait. With --wait it also checks after half a second that all run, and
 * ignores the result (kwok v0.8.0, pkg/kwokctl/cmd/create/cluster/cluster.go): `waitUntilServed` comes next.
 */
function waitArgs(runtime: Runtime): string[] {
  return runtime === 'docker' ? ['--wait', '2m'] : []
}

/** Warnings about the user's KWOK settings: variables that the lab ignores, and a file that kwokctl reads nevertheless. */
export function kwokWarnings(lab: Lab, env: NodeJS.ProcessEnv): string[] {
  const known = new Set(['KWOK_WORKDIR', 'KWOK_BINARY', 'KWOK_IMAGE'])
  const stripped = Object.keys(env).filter(name => name.startsWith('KWOK_') && !known.has(name))
  const file = join(lab.kwokWorkdir, 'kwok.yaml')
  return [
    ...(stripped.length === 0 ? [] : [`Warning: ignored by the lab: ${stripped.sort().join(', ')}`]),
    ...(existsSync(file)
      ? [`Warning: kwokctl also reads ${file}; where it and the lab differ the lab's settings win`]
      : []),
  ]
}

/** Creates the cluster and waits until its API answers. `deleteCluster` removes the rest of an interrupted creation before. */
export async function createCluster(lab: Lab): Promise<void> {
  const controlPlane = controlPlaneOf(lab)
  const configPath = join(lab.configDir, 'kwok.yaml')
  writeFileAtomically(configPath, await labKwokctlConfig(lab, controlPlane))
  markCluster(lab)
  await controlPlane.beforeCreate(lab)
  const args = createClusterArgs(lab.settings.clusterName, configPath, controlPlane.runtime)
  await kwokctl(lab, args, controlPlane.environment(lab, process.env))
  // kwokctl makes them readable for the group. The last one exists for containers only.
  for (const key of ['pki/ca.key', 'pki/admin.key', 'kubeconfig.yaml', 'kubeconfig']) {
    if (existsSync(join(lab.clusterDir, key))) chmodSync(join(lab.clusterDir, key), 0o600)
  }
}

/** Starts the components that do not run, and waits until the API answers. */
export async function startCluster(lab: Lab): Promise<void> {
  const controlPlane = controlPlaneOf(lab)
  await controlPlane.beforeStart(lab)
  const args = ['start', 'cluster', '--name', lab.settings.clusterName, ...waitArgs(controlPlane.runtime)]
  await kwokctl(lab, args, controlPlane.environment(lab, process.env))
}

/** How often a component that has ended is started again. */
const MAX_RESTARTS = 3
/** How long a component must run after a restart. */
const SETTLE_MS = 2_000

/**
 * Waits until the API server is ready and every component runs. A component that has ended is started again: the controller manager,
 * for example, exits when the API server is not healthy within 10 s.
 *
 * Throws a LabError with the end of the component's log when it has ended after the last restart, or with the API server's last
 * answer after a minute.
 */
export async function waitUntilServed(lab: Lab, onRestart: (ended: readonly Component[]) => void): Promise<void> {
  const controlPlane = controlPlaneOf(lab)
  const program = await programPath('kubectl')
  const args = ['--kubeconfig', lab.adminKubeconfig, '--context', lab.context, 'get', '--raw', '/readyz']
  let restarts = 0
  let restartedMs = 0
  let restartingMs = 0
  await waitUntil<void>({
    what: `the API server of "${lab.settings.clusterName}"`,
    timeoutMs: () => 60_000 + restarts * 30_000 + restartingMs,
    everyMs: 200,
    check: async () => {
      const { exitCode, stderr } = await run(program, args, { nothrow: true, timeoutMs: 10_000 })
      const running = await controlPlane.processes(lab)
      const ended = components.filter(name => !running.has(name))
      if (ended.length > 0) {
        if (restarts === MAX_RESTARTS) return { failed: await keepsEnding(lab, ended) }
        restarts += 1
        onRestart(ended)
        const beginMs = Date.now()
        await startCluster(lab)
        restartedMs = Date.now()
        restartingMs += restartedMs - beginMs
        return { pending: `${ended.join(', ')} ended` }
      }
      if (exitCode !== 0) return { pending: stderr.trim() }
      return Date.now() - restartedMs < SETTLE_MS ? { pending: 'restarted' } : { done: undefined }
    },
    next: `read ${controlPlane.log(lab, 'kube-apiserver')}`,
  })
}

async function keepsEnding(lab: Lab, ended: readonly Component[]): Promise<LabError> {
  const [first = 'kube-apiserver'] = ended
  const { log, logEnd } = controlPlaneOf(lab)
  return new LabError(`${first} of KWOK cluster "${lab.settings.clusterName}" keeps ending`, {
    why: `it ended after ${MAX_RESTARTS} restarts; its log ends with\n${await logEnd(lab, first)}`,
    next: `read ${log(lab, first)}`,
  })
}

/** Removes the cluster's processes or containers and its folder, if it exists. */
export async function deleteCluster(lab: Lab): Promise<void> {
  await controlPlaneOf(lab).remove(lab)
  rmSync(lab.clusterDir, { recursive: true, force: true })
}
