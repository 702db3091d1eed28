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

/** The arguments that name a lab's cluster to kubectl: by the lab's own kubeconfig where there is one, and always by its context. */
export function clusterArgs(lab: Lab): string[] {
  const kubeconfig = lab.adminKubeconfig === '' ? [] : ['--kubeconfig', lab.adminKubeconfig]
  return [...kubeconfig, '--context', lab.context, ...cacheArgs(lab)]
}

/** kubectl keeps what an API offers in a folder of the user's: the lab's copy goes with the lab. */
function cacheArgs(lab: Lab): string[] {
  return ['--cache-dir', join(lab.dir, 'kubectl-cache')]
}

/** Applies a manifest file, or all files of a folder, server-side; one line an object. */
export async function applyManifests(lab: Lab, path: string): Promise<string> {
  return (await kubectl(lab, [...applyArgs, path])).stdout
}

/** Applies manifests given as text, which then are in no file and no argument list; one line an object. */
export async function applyText(lab: Lab, text: string): Promise<string> {
  return (await kubectl(lab, [...applyArgs, '-'], { input: text })).stdout
}

/**
 * Server-side apply itself refuses a field that the schema has not. What kubectl would do beside that, reading the schemas to learn
 * whether the server can check fields, takes most of its time.
 */
const applyArgs = [
  ...['apply', '--server-side', '--force-conflicts', '--validate=ignore', '--field-manager', 'kube-otel-lab', '-f'],
]
