import { chmodSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import {
  chosenText,
  resolveSettings,
  type SettingName,
  type Settings,
  type SettingTexts,
  setting,
  settingText,
} from '../cli/settings.ts'

/** The folder this clone of the project is in. */
export const projectDir = resolve(import.meta.dirname, '..', '..')

/** What was chosen when a lab was created, as `.lab/<cluster>/lab.json` keeps it. */
export interface LabRecord {
  /** Fixed settings, and the counts last asked for, as the texts that `lib/cli/settings.ts` parses. */
  settings: SettingTexts
  kwokWorkdir?: string
  /** In the Docker runtime, what each image is called. */
  images?: Readonly<Record<string, string>>
  /** kubectl's current context before the lab switched it; empty when there was none. */
  previousContext?: string
  /** The kubeconfig that the context was put into was not there before. */
  kubeconfigMade?: boolean
  /** `KUBECONFIG` at that time, so that `kwok-down` from another shell finds the same file. */
  kubeconfig?: string
  /** What `RUNTIME=auto` was decided as by the first step, for those that come before the cluster is made; from then on settings has it. */
  autoRuntime?: 'docker' | 'binary'
  /** kwokctl or k3d has come to the end of making the cluster. */
  created?: boolean
  /** The name of the k3d cluster that the lab made. */
  k3dCluster?: string
  /** The cluster, by the UID of its kube-system, of which somebody agreed that the lab may change it, which it did not make. */
  agreedCluster?: string
}

/** One lab: its settings, where its state is, and how kubectl calls its cluster. */
export interface Lab {
  settings: Settings
  /** What an earlier step has decided that `RUNTIME=auto` is; undefined where none has, or the settings say more. */
  autoRuntime: LabRecord['autoRuntime']
  /** Of simulated nodes; or on a context of the user's kubeconfig, be it of a k3d cluster that the lab made or any other. */
  kind: 'kwok' | 'context'
  /** The kubeconfig context. Of a KWOK lab also the cluster and user that kwokctl makes: `kwok-<name>`. */
  context: string
  /** `.lab/<cluster>`; on a context `.lab/context_<context>` */
  dir: string
  configDir: string
  kubeconfigDir: string
  logsDir: string
  pidsDir: string
  dataDir: string
  /** Where kwokctl keeps its clusters (`KWOK_WORKDIR`). */
  kwokWorkdir: string
  /** kwokctl's folder of this cluster. */
  clusterDir: string
  /** The administrator's kubeconfig that kwokctl wrote; on a context empty, which is the user's own. */
  adminKubeconfig: string
}

/**
 * The lab that flags and environment name, with the choices made at its creation.
 *
 * Throws a UsageError for a refused value, or one that differs from what the lab was created with.
 */
export function openLab(given: { flags: SettingTexts; env: NodeJS.ProcessEnv; kind?: Lab['kind'] }): Lab {
  if (given.kind === 'context') return openContext(given)
  const name = chosenText('clusterName', given)?.text ?? setting('clusterName').default
  const record = /^[-a-z0-9]+$/.test(name) ? readRecord(labDir(name)) : undefined
  const settings = resolveSettings({ ...given, created: record?.settings })
  const dir = labDir(settings.clusterName)
  const kwokWorkdir = record?.kwokWorkdir ?? kwokWorkdirOf(given.env)
  const clusterDir = join(kwokWorkdir, 'clusters', settings.clusterName)
  return {
    ...{ settings, kind: 'kwok', context: `kwok-${settings.clusterName}`, ...labFolders(dir), kwokWorkdir, clusterDir },
    autoRuntime: settings.runtime === 'auto' ? record?.autoRuntime : undefined,
    adminKubeconfig: join(clusterDir, 'kubeconfig.yaml'),
  }
}

/**
 * A lab on a context of the user's kubeconfig: the one that `kubeContext` names, else that of the k3d cluster `clusterName`. Its
 * metrics carry the name of the k3d cluster where the lab made that, else of the context.
 */
function openContext(given: { flags: SettingTexts; env: NodeJS.ProcessEnv }): Lab {
  const chosen = chosenText('kubeContext', given)?.text ?? 'auto'
  const name = chosenText('clusterName', given)?.text ?? setting('clusterName').default
  const context = chosen === 'auto' ? `k3d-${name}` : chosen
  const dir = join(projectDir, '.lab', `context_${encodeURIComponent(context)}`)
  const record = readRecord(dir)
  const settings = resolveSettings({ ...given, created: record?.settings, down: 'k3d-down' })
  const clusterName = record?.k3dCluster ?? (chosen === 'auto' ? name : context)
  return {
    ...{ settings: { ...settings, clusterName }, kind: 'context', context, ...labFolders(dir) },
    ...{ kwokWorkdir: kwokWorkdirOf(given.env), clusterDir: dir, adminKubeconfig: '', autoRuntime: undefined },
  }
}

function labFolders(dir: string) {
  const folder = (name: string) => join(dir, name)
  return {
    dir,
    configDir: folder('config'),
    kubeconfigDir: folder('kubeconfig'),
    logsDir: folder('logs'),
    pidsDir: folder('pids'),
    dataDir: folder('data'),
  }
}

/** Makes the lab's folders, readable by their owner alone. */
export function ensureLabDirs(lab: Lab): void {
  for (const dir of [lab.dir, lab.configDir, lab.kubeconfigDir, lab.logsDir, lab.pidsDir, lab.dataDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
  }
}

/** Removes all state of a lab; what is not there is fine. The parent goes too when this was the last lab. */
export function removeLabDir(lab: Lab): void {
  rmSync(lab.dir, { recursive: true, force: true })
  try {
    rmdirSync(dirname(lab.dir))
  } catch {
    // Another lab is in it, or it is not there.
  }
}

/** The file of a lab's record. */
export function recordPath(dir: string): string {
  return join(dir, 'lab.json')
}

/** What was chosen at creation, or undefined when this clone has no such lab. */
export function readRecord(dir: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(dir), 'utf8')) as LabRecord
  } catch (error) {
    // Beside the labs' folders are their locks, which are files.
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
    throw new LabError(`Cannot read ${recordPath(dir)}`, {
      cause: error,
      why: String(error),
      next: 'remove that file, then run make kwok-down for that cluster',
    })
  }
}

export function writeRecord(lab: Lab, record: LabRecord): void {
  ensureLabDirs(lab)
  writeFileAtomically(recordPath(lab.dir), `${JSON.stringify(record, null, 2)}\n`)
}

/** Keeps a choice as the lab's own, for runs that do not make it. */
export function rememberSetting(lab: Lab, name: SettingName): void {
  const record = readRecord(lab.dir)
  const text = settingText(name, lab.settings)
  if (record === undefined || record.settings[name] === text) return
  writeRecord(lab, { ...record, settings: { ...record.settings, [name]: text } })
}

/** Writes a file whole or not at all: a reader never sees half of it, and a full disk leaves the old one. Mode 0600. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    // On the disk before it takes the old one's place: a power cut would leave an empty file otherwise.
    writeFileSync(temporary, text, { mode: 0o600, flush: true })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new LabError(`Cannot write ${path}`, {
      why: error instanceof Error ? error.message : String(error),
      next: systemErrorCode(error) === 'ENOSPC' ? 'free some disk space, then run this again' : undefined,
      cause: error,
    })
  }
}

function labDir(clusterName: string): string {
  return join(projectDir, '.lab', clusterName)
}

/** `KWOK_WORKDIR` or kwokctl's own default, `~/.kwok`. */
function kwokWorkdirOf(env: NodeJS.ProcessEnv): string {
  const chosen = env['KWOK_WORKDIR']
  return chosen === undefined || chosen === '' ? join(homedir(), '.kwok') : resolve(chosen)
}
