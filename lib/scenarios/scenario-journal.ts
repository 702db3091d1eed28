import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../cli/errors.ts'
import { apiTime } from '../kube/json.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'

/** A scenario that was started and is not healed yet. Tasks write it; the holder deletes it. */
export interface ScenarioRequest {
  /** The scenario's name. */
  name: string
  target: string
  /** When it was started and when it ends (epoch). Healing sets the end to now. */
  startMs: number
  untilMs: number
}

/** What the holder has done for a request. Only the holder writes it. */
export interface ScenarioProgress {
  /** When the scenario was first applied (epoch). */
  appliedMs?: number
  /** Why the last call failed. */
  trouble?: string
  /** What the scenario needs to restore the state before it. */
  saved?: unknown
}

/** A scenario that ran, or runs, for the marks in charts. */
export interface ScenarioSpan {
  name: string
  target: string
  /** Epoch. The end is undefined while it runs. */
  startMs: number
  endMs?: number
}

/** The most ended scenarios that are kept. */
const MOST_ENDED = 200

/** The running scenarios of a lab, as files: each is written in one step, and has one writer. */
export type ScenarioJournal = ReturnType<typeof scenarioJournal>

const PROGRESS = '.progress.json'
const REQUEST = '.request.json'
const ENDED = 'ended.json'

export function scenarioJournal({ dataDir }: Pick<Lab, 'dataDir'>) {
  const dir = join(dataDir, 'scenarios')
  const path = ({ name, target }: Pick<ScenarioRequest, 'name' | 'target'>, suffix: string) =>
    join(dir, `${name}@${encodeURIComponent(target)}${suffix}`)
  const write = (file: string, value: unknown) => writeFileAtomically(file, `${JSON.stringify(value)}\n`)

  return {
    /** All that run, the oldest first. */
    requests(): ScenarioRequest[] {
      const files = existsSync(dir) ? readdirSync(dir).filter(file => file.endsWith(REQUEST)) : []
      return files
        .flatMap(file => read<ScenarioRequest>(join(dir, file)) ?? [])
        .sort((a, b) => a.startMs - b.startMs || (a.name < b.name ? -1 : 1))
    },
    /** The scenarios that ended, the oldest first. */
    ended(): ScenarioSpan[] {
      return read<ScenarioSpan[]>(join(dir, ENDED)) ?? []
    },
    /** Starts a scenario, or changes its end. */
    request(request: ScenarioRequest) {
      write(path(request, REQUEST), request)
    },
    /** The holder heals the scenario. */
    end(request: ScenarioRequest) {
      write(path(request, REQUEST), { ...request, untilMs: Math.min(request.untilMs, Date.now()) })
    },
    progress(request: ScenarioRequest): ScenarioProgress {
      return read<ScenarioProgress>(path(request, PROGRESS)) ?? {}
    },
    saveProgress(request: ScenarioRequest, progress: ScenarioProgress) {
      write(path(request, PROGRESS), progress)
    },
    /** The scenario is healed. Only the holder calls it, so that the list of ended scenarios has one writer. */
    remove(request: ScenarioRequest) {
      const { name, target, startMs } = request
      const span = { name, target, startMs: this.progress(request).appliedMs ?? startMs, endMs: Date.now() }
      write(join(dir, ENDED), [...this.ended(), span].slice(-MOST_ENDED))
      // Last the request: without it nothing would remove the progress.
      rmSync(path(request, PROGRESS), { force: true })
      rmSync(path(request, REQUEST), { force: true })
    },
  }
}

/** The scenarios of a lab that run, in one line each: `crash-loop on shop/cart until 2026-11-29T12:30:00Z`. */
export function runningScenarios(lab: Pick<Lab, 'dataDir'>): { name: string; text: string }[] {
  return scenarioJournal(lab)
    .requests()
    .map(({ name, target, untilMs }) => ({
      name,
      text: `${name} on ${target} until ${apiTime(untilMs)}`,
    }))
}

/** The running scenarios of a lab with their states, as lines of a status. */
export function scenarioLines(lab: Pick<Lab, 'dataDir'>): string[] {
  const journal = scenarioJournal(lab)
  return journal.requests().map(request => {
    const { appliedMs, trouble } = journal.progress(request)
    const until = `until ${new Date(request.untilMs).toISOString()}`
    const state =
      trouble ??
      (appliedMs === undefined ? 'not applied yet' : Date.now() < request.untilMs ? until : 'is being healed')
    return `Scenario  ${request.name} on ${request.target}: ${state}`
  })
}

/** The scenarios of a lab that ended or run, the oldest first. */
export function scenarioSpans(lab: Pick<Lab, 'dataDir'>): ScenarioSpan[] {
  const journal = scenarioJournal(lab)
  const running = journal.requests().map(request => {
    const { name, target, startMs } = request
    return { name, target, startMs: journal.progress(request).appliedMs ?? startMs }
  })
  return [...journal.ended(), ...running]
}

/** Undefined for a file that is not there: the holder deletes one at any time. */
function read<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
