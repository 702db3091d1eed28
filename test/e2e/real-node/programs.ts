import { spawnSync } from 'node:child_process'
import { LabError } from '../../../lib/cli/errors.ts'
import type { Source } from '../../../lib/programs/program-catalog.ts'
import { ensurePrograms, type ProgramName } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { missingCommands } from '../../support/requirements.ts'

const variables = 'k8s.io/component-base/version.git'

/** A node's own programs, of the control plane's version; built from the pins beside this file. */
const node: Source = {
  name: 'kubelet',
  version: versions.kubernetes,
  programs: [
    { name: 'kubelet', versionPattern: /^Kubernetes v(\S+)/m },
    { name: 'kube-proxy', versionPattern: /^Kubernetes v(\S+)/m },
  ],
  assets: () => [],
  go: {
    define: version => {
      const [major, minor] = version.split('.')
      return [`${variables}Version=v${version}`, `${variables}Major=${major}`, `${variables}Minor=${minor}`]
    },
  },
}

/** Where kubelet and kube-proxy are; built first where they are not. */
export async function nodePrograms(): Promise<{ kubelet: string; kubeProxy: string }> {
  const names = ['kubelet', 'kube-proxy'] as unknown as ProgramName[]
  const found = await ensurePrograms(names, { catalog: [node], goModulesDir: import.meta.dirname })
  const pathOf = (name: string) => (found as Record<string, { path: string }>)[name]?.path ?? ''
  return { kubelet: pathOf('kubelet'), kubeProxy: pathOf('kube-proxy') }
}

/** Why no real node can be started here; undefined when one can. Builds the node's programs and helm where they are missing. */
export async function realNodeProblem(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a kubelet needs Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'a kubelet needs root'
  const missing = missingCommands('real-node')
  if (missing.length > 0) return `there is no ${missing.join(', ')}`
  const namespaces = spawnSync('unshare', ['--mount', '--net', 'true'], { encoding: 'utf8' })
  if (namespaces.status !== 0) return `no namespaces can be made: ${namespaces.stderr.trim()}`
  try {
    await nodePrograms()
    await ensurePrograms(['helm'])
    return undefined
  } catch (error) {
    if (error instanceof LabError) return error.message
    throw error
  }
}
