import { join } from 'node:path'
import { programPath } from './binaries.ts'
import type { Lab } from './lab.ts'
import { type RunOptions, type RunResult, run } from './run.ts'

/**
 * kubectl as the administrator of the lab's own cluster. Names kubeconfig and context at each call, so the user's current
 * context is neither read nor touched.
 *
 * Throws a LabError with kubectl's own words when it fails (unless `nothrow`).
 */
export async function kubectl(lab: Lab, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const program = await programPath('kubectl')
  const cluster = ['--kubeconfig', lab.adminKubeconfig, '--context', lab.context, ...cacheArgs(lab)]
  return await run(program, [...cluster, ...args], {
    timeoutMs: 300_000,
    ...options,
  })
}

/** kubectl keeps what an API offers in a folder of the user's: the lab's copy goes with the lab. */
export function cacheArgs(lab: Lab): string[] {
  return ['--cache-dir', join(lab.dir, 'kubectl-cache')]
}

/** Applies a manifest file, or all files of a folder, server-side; one line an object. */
export async function applyManifests(lab: Lab, path: string): Promise<string> {
  const owner = ['--server-side', '--force-conflicts', '--field-manager', 'kube-otel-lab']
  return (await kubectl(lab, ['apply', ...owner, '-f', path])).stdout
}
