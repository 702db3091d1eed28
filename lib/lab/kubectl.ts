import { join } from 'node:path'
import { ApiStatusError, connect } from '../kube/api-client.ts'
import { fields, items } from '../kube/json.ts'
import { programPath } from '../programs/programs.ts'
import { $, type RunOptions, type RunResult } from '../system/run.ts'
import type { Lab } from './lab.ts'

/**
 * kubectl as the administrator of the lab's own cluster. Each call names kubeconfig and context, so it neither reads nor changes the user's
 * current context.
 *
 * Throws a LabError with kubectl's message when it fails (unless `nothrow`).
 */
export async function kubectl(lab: Lab, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return await $(options)`${await kubectlCommand(lab)} ${args}`
}

/** The start of every kubectl command on a lab's cluster: the program and the arguments that name the cluster. */
export async function kubectlCommand(lab: Lab): Promise<string[]> {
  return [await programPath('kubectl'), ...clusterArgs(lab)]
}

/**
 * All objects at a path of the API, such as `/api/v1/pods`, without kubectl, which takes 0.2 s of CPU time to start, and 27 s to parse 12,000
 * pods.
 *
 * Throws a LabError when the API server does not answer, or with its message.
 */
export async function getCollection(lab: Lab, path: string): Promise<Record<string, unknown>[]> {
  return items((await getPath(lab, path))['items']).map(fields)
}

/** What the API server answers to a GET, as `getCollection` has it. */
export async function getPath(lab: Lab, path: string): Promise<Record<string, unknown>> {
  using client = await connect({ kubeconfig: lab.adminKubeconfig || undefined, context: lab.context })
  const answer = await client.request('GET', path)
  if (answer.status !== 200) throw new ApiStatusError(`Cannot read ${path}`, answer)
  return fields(answer.body)
}

/**
 * The arguments that name a lab's cluster to kubectl: the lab's own kubeconfig if it has one, and always the context. The cache of the API's
 * kinds is in the lab's folder, and is deleted with it.
 */
export function clusterArgs(lab: Lab): string[] {
  const kubeconfig = lab.adminKubeconfig === '' ? [] : ['--kubeconfig', lab.adminKubeconfig]
  return [...kubeconfig, '--context', lab.context, '--cache-dir', join(lab.dir, 'kubectl-cache')]
}

/** Applies manifest files, or all files of folders, in this order, server-side; gives one line per object. */
export async function applyManifests(lab: Lab, ...paths: readonly string[]): Promise<string> {
  return (await kubectl(lab, ['apply', ...serverSide, ...paths.flatMap(path => ['-f', path])])).stdout
}

/** Applies manifests from standard input, so that no file and no argument list has them; gives one line per object. */
export async function applyText(lab: Lab, text: string): Promise<string> {
  return (await kubectl(lab, ['apply', ...serverSide, '-f', '-'], { input: text })).stdout
}

/**
 * The flags of `kubectl apply`. A server-side apply refuses unknown fields by itself; with validation, kubectl would also read the schemas,
 * which takes most of its time.
 */
export const serverSide = [
  '--server-side',
  '--force-conflicts',
  '--validate=ignore',
  '--field-manager',
  'kube-otel-lab',
]
