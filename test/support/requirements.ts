/** What some test files need beyond the lab's own programs, and the Debian packages that have it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { UsageError } from '../../lib/cli/errors.ts'

interface Requirement {
  /** The test files that need it, below `test`. */
  files: readonly string[]
  /** The package of each command, with alternatives as in a package's dependencies. */
  packages: Readonly<Record<string, string>>
  /** The commands that are needed here, where it is not all of them. */
  commands?: () => readonly string[] | undefined
}

const requirements = {
  docker: {
    files: ['e2e/docker', 'long/docker-beside', 'long/docker-engine', 'long/docker-kwok'].map(
      file => `${file}.test.ts`,
    ),
    packages: {
      docker: 'docker-cli | docker.io',
      dockerd: 'docker.io',
      containerd: 'containerd',
      runc: 'runc',
      iptables: 'iptables',
      ss: 'iproute2',
    },
    commands: () => (engineVersion(process.env) === '' ? undefined : ['docker', 'ss']),
  },
  'real-node': {
    files: ['e2e/real-node.test.ts', 'long/in-cluster.test.ts'],
    packages: {
      containerd: 'containerd',
      ctr: 'containerd',
      runc: 'runc',
      ip: 'iproute2',
      iptables: 'iptables',
      conntrack: 'conntrack',
      mount: 'mount',
      nsenter: 'util-linux',
      unshare: 'util-linux',
      ptp: 'containernetworking-plugins',
    },
  },
  chromium: {
    files: ['e2e/shared/page.test.ts', 'long/page-accessibility.test.ts'],
    packages: { chromium: 'chromium' },
    commands: () => (process.env['CHROMIUM_BINARY'] ? [] : undefined),
  },
} satisfies Record<string, Requirement>

export type RequirementName = keyof typeof requirements
export const requirementNames = Object.keys(requirements) as RequirementName[]

/** Where distributions have the CNI plugins, commands that are not on PATH. */
const cniDirs = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']

/** The folder of the CNI plugins. */
export function cniDir(): string | undefined {
  return cniDirs.find(dir => existsSync(join(dir, 'ptp')))
}

/** The version of the Docker engine that answers; empty when none does. */
export function engineVersion(env: NodeJS.ProcessEnv): string {
  const format = ['version', '--format', '{{.Server.Version}}']
  const { status, stdout } = spawnSync('docker', format, { encoding: 'utf8', env, timeout: 5_000 })
  return status === 0 ? stdout.trim() : ''
}

/** The commands of a requirement that this machine does not have. */
export function missingCommands(name: RequirementName): string[] {
  const { packages, commands }: Requirement = requirements[name]
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter), ...cniDirs]
  const isThere = (command: string) => dirs.some(dir => existsSync(join(dir, command)))
  return [...(commands?.() ?? Object.keys(packages))].filter(command => !isThere(command))
}

/** The packages that have these commands of a requirement, each once. */
export function packagesOf(name: RequirementName, commands: readonly string[]): string[] {
  const { packages }: Requirement = requirements[name]
  return [...new Set(commands.flatMap(command => packages[command] ?? []))]
}

/** The requirements of test files, which are named by their path below `test`. */
export function requirementsOf(files: readonly string[]): RequirementName[] {
  return requirementNames.filter(name => requirements[name].files.some(file => files.includes(file)))
}

/** Reads REQUIRE: names with commas between. Throws a UsageError for a word that is no requirement. */
export function parseRequire(text: string): RequirementName[] {
  const words = text.split(',').map(word => word.trim())
  return words
    .filter(word => word !== '')
    .map(word => {
      const name = requirementNames.find(each => each === word)
      if (name !== undefined) return name
      throw new UsageError(`Unknown requirement "${word}" in REQUIRE`, { next: `use ${requirementNames.join(', ')}` })
    })
}
