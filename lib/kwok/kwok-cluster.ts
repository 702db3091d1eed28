import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { markCluster } from '../lab/cluster-owner.ts'
import { type Component, components } from '../lab/components.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { type Runtime, runtimeOf } from '../lab/runtime.ts'
import { programPath } from '../programs/programs.ts'
import { serviceEnvironment } from '../system/environment.ts'
import { run } from '../system/run.ts'
import { waitUntil } from '../system/wait.ts'
import { ensureNetwork, kwokctlDockerEnv, removeCluster } from './component-containers.ts'
import { componentLog, componentLogEnd, componentProcesses, forgetForeignPids } from './component-processes.ts'
import { labKwokctlConfig } from './kwokctl-config.ts'

export { clusterOwner, isClusterMade, requireCluster, requireOwnCluster } from '../lab/cluster-owner.ts'
export { type Component, componentPorts, components } from '../lab/components.ts'
export { componentLog, componentProcesses, followComponentLog } from './component-processes.ts'

/** kwokctl's arguments for making the cluster; the user's kubeconfig is another step's. */
export function createClusterArgs(name: string, configPath: string, runtime: Runtime): string[] {
  return [
    'create',
    'cluster',
    '--name',
    name,
    '--config',
    configPath,
    '--runtime',
    runtime,
    '--kubeconfig',
    '',
    ...waitArgs(runtime),
  ]
}

/**
 * Of processes kwokctl waits anyway until the API server answers. With --wait it then looks after half a second whether all run, and ends
 * with 0 whatever it has seen (kwok v0.8.0, pkg/kwokctl/cmd/create/cluster/cluster.go): `waitUntilServed` comes next.
 */
function waitArgs(runtime: Runtime): string[] {
  return runtime === 'docker' ? ['--wait', '2m'] : []
}

/**
 * The environment for kwokctl, which hands it on to the control plane: that of a service, and the work folder that the lab was created
 * with. The user's own `KWOK_*` variables are not in it: kwokctl would put them above the lab's configuration.
 */
export function kwokctlEnv(lab: Lab, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = serviceEnvironment(env, { runsTools: runtimeOf(lab) === 'docker' })
  // KWOK_BINARY is the lab's own, but kwokctl would take it for one of its settings too.
  const kept = Object.entries(given).filter(([name]) => !name.startsWith('KWOK'))
  return { ...Object.fromEntries(kept), KWOK_WORKDIR: lab.kwokWorkdir }
}

/** What of the user's own KWOK settings is there: variables the lab strips, and a file that kwokctl reads all the same. */
export function kwokWarnings(lab: Lab, env: NodeJS.ProcessEnv): string[] {
  const known = new Set(['KWOK_WORKDIR', 'KWOK_BINARY', 'KWOK_IMAGE'])
  const stripped = Object.keys(env).filter(name => name.startsWith('KWOK_') && !known.has(name))
  const file = join(lab.kwokWorkdir, 'kwok.yaml')
  return [
    ...(stripped.length === 0 ? [] : [`Warning: not obeyed by the lab: ${stripped.sort().join(', ')}`]),
    ...(existsSync(file)
      ? [`Warning: kwokctl also reads ${file}; where it and the lab differ the lab's settings win`]
      : []),
  ]
}

/** Makes the cluster and waits until its API answers. kwokctl's leftovers of an earlier try must be gone. */
export async function createCluster(lab: Lab): Promise<void> {
  const runtime = runtimeOf(lab)
  const configPath = join(lab.configDir, 'kwok.yaml')
  writeFileAtomically(configPath, await labKwokctlConfig(lab))
  markCluster(lab)
  if (runtime === 'docker') await ensureNetwork(lab)
  await kwokctl(lab, createClusterArgs(lab.settings.clusterName, configPath, runtime))
  // kwokctl lets the group read them; the last one is for containers alone.
  for (const key of ['pki/ca.key', 'pki/admin.key', 'kubeconfig.yaml', 'kubeconfig']) {
    if (existsSync(join(lab.clusterDir, key))) chmodSync(join(lab.clusterDir, key), 0o600)
  }
}

/** Starts those components that do not run, and waits until the API answers. */
export async function startCluster(lab: Lab): Promise<void> {
  if (runtimeOf(lab) === 'binary') await forgetForeignPids(lab)
  await kwokctl(lab, ['start', 'cluster', '--name', lab.settings.clusterName, ...waitArgs(runtimeOf(lab))])
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
  const program = await programPath('kubectl')
  const args = ['--kubeconfig', lab.adminKubeconfig, '--context', lab.context, 'get', '--raw', '/readyz']
  let restarts = 0
  let restartedMs = 0
  await waitUntil<void>({
    what: `the API server of "${lab.settings.clusterName}"`,
    timeoutMs: () => 60_000 + restarts * 30_000,
    everyMs: 200,
    check: async () => {
      const { exitCode, stderr } = await run(program, args, { nothrow: true, timeoutMs: 10_000 })
      const running = await componentProcesses(lab)
      const ended = components.filter(name => !running.has(name))
      if (ended.length > 0) {
        if (restarts === MAX_RESTARTS) return { failed: await keepsEnding(lab, ended) }
        restarts += 1
        onRestart(ended)
        await startCluster(lab)
        restartedMs = Date.now()
        return { pending: `${ended.join(', ')} ended` }
      }
      if (exitCode !== 0) return { pending: stderr.trim() }
      return Date.now() - restartedMs < SETTLE_MS ? { pending: 'restarted' } : { done: undefined }
    },
    next: `read ${componentLog(lab, 'kube-apiserver')}`,
  })
}

async function keepsEnding(lab: Lab, ended: readonly Component[]): Promise<LabError> {
  const [first = 'kube-apiserver'] = ended
  return new LabError(`${first} of KWOK cluster "${lab.settings.clusterName}" keeps ending`, {
    why: `it ended after ${MAX_RESTARTS} restarts; its log ends with\n${await componentLogEnd(lab, first)}`,
    next: `read ${componentLog(lab, first)}`,
  })
}

/** Ends the cluster's processes or removes its containers, and removes its folder; a cluster that is not there is fine. */
export async function deleteCluster(lab: Lab): Promise<void> {
  if (runtimeOf(lab) === 'docker') {
    // kwokctl stumbles over a container that is gone already; and more than its own may be left without its folder.
    await removeCluster(lab)
  } else if (existsSync(join(lab.clusterDir, 'kwok.yaml'))) {
    await forgetForeignPids(lab)
    // kwokctl insists on a kubeconfig to take the context out of; the user's own is another step's.
    const scratch = join(lab.clusterDir, 'no-kubeconfig')
    await kwokctl(lab, ['delete', 'cluster', '--name', lab.settings.clusterName, '--kubeconfig', scratch])
  }
  rmSync(lab.clusterDir, { recursive: true, force: true })
}

async function kwokctl(lab: Lab, args: readonly string[]): Promise<void> {
  // It starts kubectl, whose cache of the API is to go with the lab.
  const own = { ...kwokctlEnv(lab, process.env), KUBECACHEDIR: join(lab.dir, 'kubectl-cache') }
  const env = runtimeOf(lab) === 'docker' ? kwokctlDockerEnv(lab, own) : own
  const { exitCode, stderr } = await run(await programPath('kwokctl'), args, { env, nothrow: true })
  if (exitCode === 0) return
  throw new LabError(`kwokctl could not ${args[0]} cluster "${lab.settings.clusterName}"`, {
    why: kwokctlError(stderr),
    next: `read the logs in ${join(lab.clusterDir, 'logs')}, then ${makeCommand('kwok-down', lab.settings.clusterName)} and try again`,
  })
}

/** What went wrong, out of kwokctl's log: off a terminal it writes a JSON object a line. */
export function kwokctlError(stderr: string): string {
  const errors = stderr.split('\n').flatMap(line => {
    try {
      const { level, msg, err } = JSON.parse(line) as { level?: string; msg?: string; err?: string }
      return level === 'ERROR' ? [err === undefined ? `${msg}` : `${msg}: ${err}`] : []
    } catch {
      return line.trim() === '' ? [] : [line.trim()]
    }
  })
  return errors.slice(-5).join('; ') || 'it said nothing'
}
