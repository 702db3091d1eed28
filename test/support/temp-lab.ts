import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SettingTexts } from '../../lib/cli/settings.ts'
import type { Credentials } from '../../lib/kube/credentials.ts'
import { ensureLabDirs, type Lab, openLab } from '../../lib/lab/lab.ts'

// uvu sets it, and then every Node.js that a test starts colours its output and warns of NO_COLOR.
delete process.env.FORCE_COLOR

const made: string[] = []
process.once('exit', () => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true })
})

/** A new folder that goes when the test file ends. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-'))
  made.push(dir)
  return dir
}

/** A lab whose folders, kwokctl's included, are in a new one that goes when the test file ends. */
export function tempLab(flags: SettingTexts = {}): Lab {
  const root = tempDir()
  const dir = join(root, 'lab')
  // Its own, whatever engine answers here.
  const opened = openLab({
    flags: { clusterName: 'unit', runtime: 'binary', ...flags },
    env: { KWOK_WORKDIR: join(root, 'kwok') },
  })
  const folder = (name: string) => join(dir, name)
  const folders = {
    configDir: folder('config'),
    kubeconfigDir: folder('kubeconfig'),
    logsDir: folder('logs'),
    pidsDir: folder('pids'),
    dataDir: folder('data'),
  }
  const lab = { ...opened, dir, ...folders }
  ensureLabDirs(lab)
  return lab
}

/** What kwokctl leaves of a cluster it has made: its record and a kubeconfig; and the lab's mark when `owner` is given. */
export function writeCluster(lab: Lab, options: { record?: string; owner?: string } = {}): void {
  mkdirSync(join(lab.clusterDir, 'pids'), { recursive: true })
  writeFileSync(join(lab.clusterDir, 'kwok.yaml'), options.record ?? 'kind: KwokctlConfiguration\n')
  writeFileSync(lab.adminKubeconfig, 'apiVersion: v1\nkind: Config\n')
  if (options.owner !== undefined) writeFileSync(join(lab.clusterDir, 'kube-otel-lab'), `${options.owner}\n`)
}

/** The administrator's kubeconfig of a lab with this API server. */
export function writeKubeconfig(lab: Lab, { server, tls }: Credentials): void {
  mkdirSync(lab.clusterDir, { recursive: true })
  const { context: name } = lab
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config' },
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': Buffer.from(tls.ca ?? '').toString('base64') } },
    ],
    users: [{ name, user: { token: 'administrator' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  }
  writeFileSync(lab.adminKubeconfig, JSON.stringify(config))
}

/** Waits until something holds. Fails after two minutes: unit tests run beside labs, with a lower priority. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 120_000
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`timed out waiting until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Waits until a file is there. */
export async function untilFile(path: string): Promise<void> {
  await until(`${path} is there`, () => existsSync(path))
}
