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
  return await run(program, ['--kubeconfig', lab.adminKubeconfig, '--context', lab.context, ...args], options)
}

/** Applies a manifest file, all files of a folder, or documents as one text, server-side; one line an object. */
export async function applyManifests(lab: Lab, source: { file: string } | { text: string }): Promise<string> {
  const from = 'file' in source ? source.file : '-'
  const { stdout } = await kubectl(
    lab,
    ['apply', '--server-side', '--force-conflicts', '--field-manager', 'kube-otel-lab', '-f', from],
    'text' in source ? { input: source.text } : {},
  )
  return stdout
}
