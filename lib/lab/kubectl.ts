import { join } from 'node:path'
import { programPath } from '../programs/programs.ts'
import { $, type RunOptions, type RunResult } from '../system/run.ts'
import type { Lab } from './lab.ts'

/**
 * kubectl as the administrator of the lab's own cluster. Names kubeconfig and context at each call, so the user's current
 * context is neither read nor touched.
 *
 * Throws a LabError with kubectl's own words when it fails (unless `nothrow`).
 */
export async function kubectl(lab: Lab, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return await $(options)`${await kubectlCommand(lab)} ${args}`
}

/** The start of every kubectl command on a lab's cluster: the program and the arguments that name the cluster. */
export async function kubectlCommand(lab: Lab): Promise<string[]> {
  return [await programPath('kubectl'), ...clusterArgs(lab)]
}

/**
 * The objects of `kubectl get` as rows: for each object the values of JSONPath expressions such as `.metadata.name`, empty when missing.
 *
 * Throws a LabError with kubectl's message.
 */
export async function getRows(lab: Lab, args: readonly string[], columns: readonly string[]): Promise<string[][]> {
  const row = columns.map(column => `{${column}}`).join('{"\\t"}')
  const { stdout } = await kubectl(lab, ['get', ...args, '-o', `jsonpath={range .items[*]}${row}{"\\n"}{end}`])
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t'))
}

/** The JSONPath expression of the status of one condition. */
export function conditionPath(type: string): string {
  return `.status.conditions[?(@.type=="${type}")].status`
}

/** The arguments that name a lab's cluster to kubectl: by the lab's own kubeconfig where there is one, and always by its context. */
export function clusterArgs(lab: Lab): string[] {
  const kubeconfig = lab.adminKubeconfig === '' ? [] : ['--kubeconfig', lab.adminKubeconfig]
  return [...kubeconfig, '--context', lab.context, ...cacheArgs(lab)]
}

/** kubectl keeps what an API offers in a folder of the user's: the lab's copy goes with the lab. */
function cacheArgs(lab: Lab): string[] {
  return ['--cache-dir', join(lab.dir, 'kubectl-cache')]
}

/** Applies a manifest file, or all files of a folder, server-side; gives one line per object. */
export async function applyManifests(lab: Lab, path: string): Promise<string> {
  return (await $`${await kubectlCommand(lab)} apply ${serverSide} -f ${path}`).stdout
}

/** Applies manifests from standard input, so that no file and no argument list has them; gives one line per object. */
export async function applyText(lab: Lab, text: string): Promise<string> {
  return (await $({ input: text })`${await kubectlCommand(lab)} apply ${serverSide} -f -`).stdout
}

/**
 * The flags of `kubectl apply`. A server-side apply refuses unknown fields by itself; with validation, kubectl would also read the schemas,
 * which takes most of its time.
 */
export const serverSide = [
  ...['--server-side', '--force-conflicts', '--validate=ignore', '--field-manager', 'kube-otel-lab'],
]
