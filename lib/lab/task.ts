import { describeError, LabError } from '../cli/errors.ts'
import {
  type CommandLine,
  chosenText,
  fixedSettingNames,
  flagOf,
  parseCommandLine,
  type SettingName,
  type SettingTexts,
  setting,
  variableOf,
} from '../cli/settings.ts'
import { formatTable } from '../cli/table.ts'
import { excludeLoopbackFromProxies } from '../system/environment.ts'
import { takeLock } from '../system/lock.ts'
import { requireCluster } from './cluster-owner.ts'
import { type Lab, openLab } from './lab.ts'

/** What a task is, for `--help` and for reading its command line. */
export interface TaskDeclaration {
  /** One sentence: what is true when the task ends. */
  about: string
  /** The settings it takes as flags. `clusterName` is always among them. */
  settings: readonly SettingName[]
  /** Flags without a value that only this task has, with their help. */
  flags?: Readonly<Record<string, string>>
  /** Flags with a value that only this task has, with their help. Each can be given several times. */
  options?: Readonly<Record<string, string>>
  /** The name and help of each positional argument it takes. */
  positional?: readonly { name: string; help: string }[]
  /** What it works on: the KWOK lab; the cluster of a context, by default of the lab's own k3d cluster; or that only when KUBE_CONTEXT names one. */
  on?: 'kwok' | 'context' | 'either'
  /** Does not read from the environment the settings that are fixed when a lab is created. */
  ignoreCreationSettings?: boolean
  /** Changes the lab, so that it holds the lab's lock while it runs; a function decides by the flags. */
  changesLab?: boolean | ((flags: ReadonlySet<string>, kind: Lab['kind']) => boolean)
}

/** The longest that a task waits for another; one of 50,000 pods takes some minutes. */
const LOCK_WAIT_MS = 600_000

/** A task's lab and the rest of its command line. */
export type TaskInput = { lab: Lab } & Omit<CommandLine, 'settings'>

/**
 * Runs a task: parses its command line strictly, prints `--help`, and turns an error into two lines on stderr and an exit code (1 failed, 2
 * wrong usage). A number that the body returns is the exit code.
 */
export async function runTask(
  declaration: TaskDeclaration,
  body: (input: TaskInput) => Promise<number | undefined | void>,
): Promise<void> {
  excludeLoopbackFromProxies(process.env)
  try {
    const accepted = [...new Set<SettingName>(['clusterName', ...declaration.settings])]
    const line = parseCommandLine(process.argv.slice(2), {
      settings: accepted,
      flags: Object.keys(declaration.flags ?? {}),
      options: Object.keys(declaration.options ?? {}),
      positional: declaration.positional?.length ?? 0,
    })
    if (line.flags.has('help')) {
      process.stdout.write(helpText(declaration, accepted))
      return
    }
    const env = declaration.ignoreCreationSettings === true ? withoutFixed(process.env) : process.env
    const open = () => openLab({ flags: line.settings, env, kind: kindOf(declaration, { flags: line.settings, env }) })
    const lab = open()
    const { changesLab = false } = declaration
    const isAlone = typeof changesLab === 'function' ? changesLab(line.flags, lab.kind) : changesLab
    const release = isAlone ? await lockLab(lab) : undefined
    try {
      // The task that held the lock may have created the lab, which fixes settings.
      const code = await body({ ...line, lab: isAlone ? open() : lab })
      if (typeof code === 'number') process.exitCode = code
    } finally {
      release?.()
    }
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`)
    process.exitCode = error instanceof LabError ? error.exitCode : 1
  }
}

/** `runTask` for a task on the KWOK cluster of a lab, which must exist. */
export async function runClusterTask(...[declaration, body]: Parameters<typeof runTask>): Promise<void> {
  await runTask(declaration, async input => {
    requireCluster(input.lab)
    return await body(input)
  })
}

function kindOf({ on = 'kwok' }: TaskDeclaration, given: { flags: SettingTexts; env: NodeJS.ProcessEnv }): Lab['kind'] {
  if (on !== 'either') return on
  return (chosenText('kubeContext', given)?.text ?? 'auto') === 'auto' ? 'kwok' : 'context'
}

async function lockLab({ dir, settings }: Lab): Promise<() => void> {
  return await takeLock({
    path: `${dir}.lock`,
    waitMs: LOCK_WAIT_MS,
    onWait: ({ pid, program }) => say(`Waiting for ${program} (pid ${pid}), which changes the same lab`),
    refusal: ({ pid, program }) =>
      new LabError(`The lab "${settings.clusterName}" is being changed by ${program} (pid ${pid})`, {
        why: `it has not ended in ${LOCK_WAIT_MS / 60_000} minutes`,
        next: 'stop that process if it hangs, then run this again',
      }),
  })
}

function withoutFixed(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const fixed = new Set(fixedSettingNames.map(variableOf))
  return Object.fromEntries(Object.entries(env).filter(([name]) => !fixed.has(name)))
}

/** Writes a step to stderr; stdout is for results. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Prints a result on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The text of `--help`: about, flags with variable and default. */
function helpText(declaration: TaskDeclaration, accepted: readonly SettingName[]): string {
  const { about, positional = [], options = {}, flags = {} } = declaration
  const table = formatTable([
    ...positional.map(({ name, help }) => [`<${name}>`, help]),
    ...accepted.map(name => [
      `--${flagOf(name)} <value>`,
      `${setting(name).help} (${variableOf(name)}, default ${setting(name).default})`,
    ]),
    ...Object.entries(options).map(([name, help]) => [`--${name} <value>`, help]),
    ...Object.entries(flags).map(([name, help]) => [`--${name}`, help]),
    ['--help', 'print this'],
  ])
  return `${about}\n\n${table.replace(/^/gm, '  ')}\n`
}
