import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { LabError, messageOf, systemErrorCode } from '../cli/errors.ts'
import {
  chosenText,
  makeCommand,
  resolveSettings,
  type SettingName,
  type Settings,
  type SettingTexts,
  setting,
  settingText,
} from '../cli/settings.ts'
import { projectDir } from '../system/project-dir.ts'

export { projectDir }

/** The choices at a lab's creation, as `.lab/<cluster>/lab.json` records them. */
export interface LabRecord {
  /** Fixed settings, and the last requested counts, as texts that `lib/cli/settings.ts` parses. */
  settings: SettingTexts
  kwokWorkdir?: string
  /** In the Docker runtime, the reference of each image. */
  images?: Readonly<Record<string, string>>
  /** kubectl's current context before the lab switched it; empty when there was none. */
  previousContext?: string
  /** The lab created the kubeconfig file that the context was added to. */
  kubeconfigMade?: boolean
  /** `KUBECONFIG` at that time, for `kwok-down` from another shell. */
  kubeconfig?: string
  /** kwokctl or k3d has finished the cluster's creation. */
  created?: boolean
  /** The name of the k3d cluster that the lab created. */
  k3dCluster?: string
  /** The UID of kube-system in a cluster that the lab did not create, and that the user allowed it to change. */
  agreedCluster?: string
}

/** One lab: its settings, the folders of its state, and the context of its cluster. */
export interface Lab {
  settings: Settings
  /** `kwok`: a KWOK cluster. `context`: a context of the user's kubeconfig, of the lab's k3d cluster or of any other. */
  kind: 'kwok' | 'context'
  /** The kubeconfig context. In a KWOK lab also the name of cluster and user: `kwok-<name>`. */
  context: string
  /** `.lab/<cluster>`; on a context `.lab/context_<context>` */
  dir: string
  configDir: string
  kubeconfigDir: string
  logsDir: string
  pidsDir: string
  dataDir: string
  /** kwokctl's work folder (`KWOK_WORKDIR`). */
  kwokWorkdir: string
  /** kwokctl's folder of this cluster. */
  clusterDir: string
  /** The administrator's kubeconfig that kwokctl wrote; empty on a context, for the user's own. */
  adminKubeconfig: string
}

/**
 * The lab that flags and environment select, with the choices of its creation.
 *
 * Throws a UsageError for an invalid value, and for one that differs from a choice of its creation.
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
    settings,
    kind: 'kwok',
    context: `kwok-${settings.clusterName}`,
    ...labFolders(dir),
    kwokWorkdir,
    clusterDir,
    adminKubeconfig: join(clusterDir, 'kubeconfig.yaml'),
  }
}

/**
 * A lab on a context of the user's kubeconfig: `kubeContext`, else that of the k3d cluster `clusterName`. Its cluster name in metrics is
 * that of the lab's k3d cluster, else the context.
 */
function openContext(given: { flags: SettingTexts; env: NodeJS.ProcessEnv }): Lab {
  const chosen = chosenText('kubeContext', given)?.text ?? 'auto'
  const name = chosenText('clusterName', given)?.text ?? setting('clusterName').default
  const context = chosen === 'auto' ? `k3d-${name}` : chosen
  const dir = labDir(`${contextPrefix}${encodeURIComponent(context)}`)
  const record = readRecord(dir)
  // In a cluster of the user's, a next run can change everything.
  const isFixed = record?.k3dCluster !== undefined
  const settings = resolveSettings({ ...given, created: record?.settings, isFixed, down: 'k3d-down' })
  const clusterName = record?.k3dCluster ?? (chosen === 'auto' ? name : context)
  return {
    settings: { ...settings, clusterName },
    kind: 'context',
    context,
    ...labFolders(dir),
    kwokWorkdir: kwokWorkdirOf(given.env),
    clusterDir: dir,
    adminKubeconfig: '',
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

/** The command that runs a step on a lab. */
export function labCommand({ kind, context, settings }: Lab, step: string): string {
  return kind === 'context' ? `make ${step} KUBE_CONTEXT=${context}` : makeCommand(step, settings.clusterName)
}

/** The command that shows the state of a lab. */
export function statusCommand(lab: Lab): string {
  return labCommand(lab, lab.kind === 'context' ? 'k3d-status' : 'kwok-status')
}

/** The flags by which another process opens the same lab. */
export function labFlags({ kind, context, settings }: Lab): string[] {
  return kind === 'context' ? ['--kube-context', context] : ['--cluster-name', settings.clusterName]
}

/** Creates the lab's folders with mode 0700. */
export function ensureLabDirs(lab: Lab): void {
  for (const dir of [lab.dir, lab.configDir, lab.kubeconfigDir, lab.logsDir, lab.pidsDir, lab.dataDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
  }
}

/** Removes all state of a lab, and the parent folder with the last lab. */
export function removeLabDir(lab: Lab): void {
  rmSync(lab.dir, { recursive: true, force: true })
  try {
    rmdirSync(dirname(lab.dir))
  } catch {
    // It has another lab, or does not exist.
  }
}

/** The folders of the labs of this clone. */
export function labDirs(lab: Lab): string[] {
  const parent = dirname(lab.dir)
  const entries = existsSync(parent) ? readdirSync(parent, { withFileTypes: true }) : []
  // The labs' locks are beside them.
  return entries.flatMap(entry => (entry.isDirectory() ? [join(parent, entry.name)] : []))
}

/** A reason for "There is no lab": the names of this clone's other KWOK labs; undefined without any. */
export function whyNoLab(lab: Lab): string | undefined {
  const others = labDirs(lab).filter(dir => dir !== lab.dir && existsSync(recordPath(dir)))
  const names = others.flatMap(dir => (basename(dir).startsWith(contextPrefix) ? [] : [`"${basename(dir)}"`]))
  return names.length === 0 ? undefined : `this clone has the labs ${names.join(', ')}; CLUSTER_NAME selects one`
}

/** The path of a lab's record. */
export function recordPath(dir: string): string {
  return join(dir, 'lab.json')
}

/** The record of a lab; undefined when this clone has no such lab. */
export function readRecord(dir: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(dir), 'utf8')) as LabRecord
  } catch (error) {
    // The locks beside the labs' folders are files.
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

/** Records the value of a setting as the lab's default for later runs. */
export function rememberSetting(lab: Lab, name: SettingName): void {
  const record = readRecord(lab.dir)
  const text = settingText(name, lab.settings)
  if (record === undefined || record.settings[name] === text) return
  writeRecord(lab, { ...record, settings: { ...record.settings, [name]: text } })
}

/** Removes what `rememberSetting` has recorded. */
export function forgetSetting(lab: Lab, name: SettingName): void {
  const record = readRecord(lab.dir)
  if (record?.settings[name] === undefined) return
  const { [name]: _, ...settings } = record.settings
  writeRecord(lab, { ...record, settings })
}

/**
 * Replaces a file in one step, and creates its folder: a reader sees the old or the new file, and a full disk keeps the old one. By default
 * only the user can read it.
 */
export function writeFileAtomically(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    // Other users must enter a folder whose files they can read.
    mkdirSync(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 })
    // Flushed before the rename: after a power cut the file would be empty otherwise.
    writeFileSync(temporary, text, { mode, flush: true })
    renameSync(temporary, path)
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary)
    throw new LabError(`Cannot write ${path}`, {
      why: messageOf(error),
      next: systemErrorCode(error) === 'ENOSPC' ? 'free some disk space, then run this again' : undefined,
      cause: error,
    })
  }
}

/** Names of KWOK labs have no underscore. */
const contextPrefix = 'context_'

function labDir(clusterName: string): string {
  return join(projectDir, '.lab', clusterName)
}

/** `KWOK_WORKDIR` or kwokctl's own default, `~/.kwok`. */
function kwokWorkdirOf(env: NodeJS.ProcessEnv): string {
  const chosen = env['KWOK_WORKDIR']
  return chosen === undefined || chosen === '' ? join(homedir(), '.kwok') : resolve(chosen)
}
