/** Installing Debian packages for tests. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingCommands, packagesOf, type RequirementName } from './requirements.ts'

const UPDATE_LIMIT_MS = 3 * 60_000
const INSTALL_LIMIT_MS = 10 * 60_000
/** What starts a package's services: https://manpages.debian.org/init-system-helpers */
const starters = ['/usr/sbin/invoke-rc.d', '/usr/bin/deb-systemd-invoke']

/**
 * Installs what is missing of some requirements, and shows what apt-get says.
 *
 * Gives the reason for each requirement that is still not met.
 */
export async function installRequirements(names: readonly RequirementName[]): Promise<Map<RequirementName, string>> {
  const problems = new Map<RequirementName, string>()
  let isUpdated = false
  for (const name of names) {
    const packages = packagesOf(name, missingCommands(name))
    if (packages.length === 0) continue
    const cannot = aptProblem()
    if (cannot === undefined) {
      process.stdout.write(`Installing for ${name}: ${packages.join(', ')}\n`)
      // A list that can't be read is no reason not to try.
      if (!isUpdated) await aptGet(['update'], { limitMs: UPDATE_LIMIT_MS })
      isUpdated = true
    }
    const why = cannot ?? (await installPackages(packages))
    if (why !== undefined) problems.set(name, `cannot install ${packages.join(', ')}: ${why}`)
  }
  return problems
}

function aptProblem(): string | undefined {
  if (spawnSync('apt-get', ['--version']).status !== 0) return 'there is no apt-get'
  return process.getuid?.() === 0 ? undefined : 'only root may install packages'
}

/**
 * Installs packages without starting their services: in apt-get's mount namespace the programs that start services do nothing. This
 * leaves nothing behind, however apt-get ends. Where root may not make a namespace no service manager runs either.
 */
async function installPackages(packages: readonly string[]): Promise<string | undefined> {
  const install = ['--yes', '--no-install-recommends', '--no-remove', 'satisfy', ...packages]
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
    return await aptGet(install, { limitMs: INSTALL_LIMIT_MS })
  const dir = mkdtempSync(join(tmpdir(), 'apt-'))
  try {
    const nothing = join(dir, 'nothing')
    writeFileSync(nothing, '#!/bin/sh\n', { mode: 0o755 })
    const covers = starters.map(starter => `mount --bind ${nothing} ${starter}`)
    const within = ['unshare', '--mount', 'sh', '-ec', [...covers, 'exec "$@"'].join('\n'), 'sh']
    return await aptGet(install, { limitMs: INSTALL_LIMIT_MS, within })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Runs apt-get, shows what it says, and gives the reason when it fails. `within` is a command that runs it. */
async function aptGet(
  words: readonly string[],
  { limitMs, within = [] }: { limitMs: number; within?: readonly string[] },
): Promise<string | undefined> {
  // Another one may be installing at this moment.
  const options = ['--quiet', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']
  const [command = '', ...args] = [...within, 'apt-get', ...options, ...words]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, detached: true })
  // dpkg finishes what it has begun.
  process.once('exit', () => child.kill('SIGTERM'))
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => process.stdout.write(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
    process.stderr.write(chunk)
  })
  return await new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      const [said] = errors.match(/^E: .*$/m) ?? []
      const why = signal === null ? `exit code ${code}` : `stopped after ${limitMs / 60_000} min`
      resolve(`apt-get: ${said?.slice('E: '.length) ?? why}`)
    })
  })
}
