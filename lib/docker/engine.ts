import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import type { Lab } from '../lab/lab.ts'
import { proxyVariables } from '../system/environment.ts'
import { type RunOptions, type RunResult, run } from '../system/run.ts'

/** The label that every container and network of a lab carries, with the cluster's name as its value. */
export const clusterLabel = 'kube-otel-lab.cluster'
/** The label with the folder of the lab: another clone's lab of the same name is another one. */
export const dirLabel = 'kube-otel-lab.dir'
/** The label with the word for the service. */
export const serviceLabel = 'kube-otel-lab.service'
/** The label with a digest of how the container was made: another one means another container. */
export const specLabel = 'kube-otel-lab.spec'

/** The name of a service's container, by which other containers of the lab reach it. */
export function containerName(clusterName: string, service: string): string {
  return `kube-otel-lab-${clusterName}-${service}`
}

/** The name of the container that kwokctl makes of a component of the control plane. */
export function componentContainer(clusterName: string, component: string): string {
  return `kwok-${clusterName}-${component}`
}

/** The network of a lab's containers. kwokctl makes one of this name, or takes the one that is there. */
export function networkName(clusterName: string): string {
  return `kwok-${clusterName}`
}

/** The labels of whatever a lab has at an engine, `name=value` each. */
export function labLabels({ dir, settings }: Lab): [cluster: string, dir: string] {
  return [`${clusterLabel}=${settings.clusterName}`, `${dirLabel}=${dir}`]
}

/** The environment in which kwokctl's docker commands go by way of `for-kwokctl/docker`, which says why. */
export function kwokctlDockerEnv(lab: Lab, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = env['PATH'] ?? ''
  const [cluster, dir] = labLabels(lab)
  return {
    ...env,
    PATH: `${join(import.meta.dirname, 'for-kwokctl')}${delimiter}${path}`,
    ...{
      LAB_PATH: path,
      LAB_CLUSTER_LABEL: cluster,
      LAB_DIR_LABEL: dir,
      LAB_PROXY_VARIABLES: proxyVariables.join(' '),
    },
  }
}

/**
 * Runs the docker command, against whatever engine it reaches.
 *
 * Throws a LabError that says that no engine answers, or with the command's own words; not with `nothrow`, unless there is no
 * docker command at all.
 */
export async function docker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await run('docker', args, { timeoutMs: 120_000, ...options, nothrow: true })
  if (result.exitCode === 0 || options.nothrow === true) return result
  throw dockerError(args, result)
}

/** What is said of a docker command that failed. */
export function dockerError(args: readonly string[], { exitCode, stderr }: RunResult): LabError {
  const why = stderr.trim().split('\n').slice(0, 4).join(' ').slice(0, 600) || `exit code ${exitCode}`
  if (isEngineDown(stderr)) {
    return new LabError('No Docker engine answers', {
      why,
      next: 'start it, or name another by DOCKER_HOST or docker context use; RUNTIME=binary needs none',
    })
  }
  return new LabError(`docker ${args.slice(0, 2).join(' ')} failed`, { why })
}

/** Whether a command failed for want of an engine, by its own words. */
export function isEngineDown(stderr: string): boolean {
  return /cannot connect to the docker daemon|error during connect|connection refused|is the docker daemon running/i.test(
    stderr,
  )
}

let answers: boolean | undefined

/** Whether a Docker engine answers. Asked once a process; `log` is told of one that takes longer than two seconds. */
export function dockerAnswers(
  log: (line: string) => void = line => void process.stderr.write(`${line}\n`),
  { slowMs = 2_000, limitMs = 30_000 } = {},
): boolean {
  answers ??= askEngine(log, slowMs, limitMs)
  return answers
}

function askEngine(log: (line: string) => void, slowMs: number, limitMs: number): boolean {
  const ask = (timeout: number) =>
    spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
      ...{ timeout, killSignal: 'SIGKILL', stdio: 'ignore' },
    })
  const first = ask(slowMs)
  if (systemErrorCode(first.error) !== 'ETIMEDOUT') return first.status === 0
  log(`Waiting for the Docker engine, which has not answered in ${slowMs / 1_000} s (RUNTIME=binary needs none)`)
  const second = ask(limitMs)
  if (systemErrorCode(second.error) === 'ETIMEDOUT') {
    log(`The Docker engine has not answered in ${limitMs / 1_000} s: RUNTIME=auto takes the binary runtime`)
  }
  return second.status === 0
}

/** The names of what carries a lab's labels; of containers also those that don't run. */
export async function labelled(lab: Lab, kind: 'container' | 'volume' | 'network'): Promise<string[]> {
  const list = kind === 'container' ? ['ls', '--all', '--format', '{{.Names}}'] : ['ls', '--format', '{{.Name}}']
  const filters = labLabels(lab).flatMap(label => ['--filter', `label=${label}`])
  const { stdout } = await docker([kind, ...list, ...filters])
  return stdout.split('\n').filter(name => name !== '')
}
