import { existsSync } from 'node:fs'
import type { Source } from '../../../lib/binaries/catalog.ts'
import { ensurePrograms, type ProgramName } from '../../../lib/binaries.ts'
import { versions } from '../../../lib/versions.ts'

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

/** Where a distribution puts the plugins that give pods their network. */
const cniDirs = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']

/** The folder of the CNI plugins. */
export function cniDir(): string | undefined {
  return cniDirs.find(dir => existsSync(`${dir}/ptp`))
}

/** Why no real node can be started here; undefined when one can. */
export function whyNoNode(): string | undefined {
  if (process.platform !== 'linux') return `a kubelet needs Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'a kubelet needs root'
  const folders = (process.env['PATH'] ?? '').split(':')
  const tools = ['containerd', 'ctr', 'runc', 'ip', 'iptables', 'conntrack', 'nsenter', 'unshare', 'mount']
  const lacking = tools.filter(tool => !folders.some(folder => existsSync(`${folder}/${tool}`)))
  if (lacking.length > 0) return `there is no ${lacking.join(', ')} (Debian: containerd, iproute2, iptables, conntrack)`
  return cniDir() === undefined ? 'there are no CNI plugins (Debian: containernetworking-plugins)' : undefined
}
