import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { LabError } from '../cli/errors.ts'
import { type Sources, skippedLines } from '../kube/source-documents.ts'
import { sourcePaths, sourcesStamp } from '../kube/source-files.ts'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { writeGenerated } from '../lab/write-generated.ts'
import { programPath } from '../programs/programs.ts'
import { type RuleFile, readRuleFiles, rulesOf } from '../prometheus/rule-files.ts'
import { livingHolder } from '../system/lock.ts'
import { run } from '../system/run.ts'

const statusSchema = v.object({
  /** The loaded files, by their names in the folder of `userRulesDir`. */
  files: v.array(v.object({ fileName: v.string(), source: v.string(), file: v.string(), rules: v.number() })),
  refused: v.array(v.object({ source: v.string(), why: v.string() })),
  skipped: v.array(v.object({ source: v.string(), reason: v.string() })),
})

/** The rules of RULES_DIR in a lab's Prometheus. */
export type UserRulesStatus = v.InferOutput<typeof statusSchema>

/** The folder from which the lab's Prometheus loads the user's rules. kwok-config/prometheus.yaml names it too. */
export function userRulesDir(lab: Lab): string {
  return join(lab.configDir, 'rules')
}

/** A copy of rules that `make verify-alerts` has loaded, in the folder of `userRulesDir`. */
export const alertsCopyName = 'verify-alerts.yaml'

/** The lock that `make verify-alerts` holds while its copy is loaded. */
export function alertsLockPath(lab: Lab): string {
  return `${lab.dir}.alerts.lock`
}

/** Reads the rule files of paths as `readRuleFiles`; `promtool` checks them. What it refuses is in `refused`. */
export async function checkedRuleFiles(paths: readonly string[]): Promise<Sources<RuleFile>> {
  const { found, refused, skipped } = readRuleFiles(paths)
  const reasons = found.length === 0 ? new Map<string, string>() : await promtoolErrors(found)
  const wrong = found.flatMap(({ source, fileName }) => {
    const why = reasons.get(fileName)
    const next = 'correct the rule; the lab loads the other files'
    return why === undefined ? [] : [{ source, error: new LabError(`promtool refuses ${source}`, { why, next }) }]
  })
  return {
    found: found.filter(({ fileName }) => !reasons.has(fileName)),
    refused: [...refused, ...wrong],
    skipped,
  }
}

/** The errors of `promtool check rules`, by file name. */
async function promtoolErrors(files: readonly RuleFile[]): Promise<Map<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-rules-'))
  try {
    for (const { fileName, text } of files) writeFileSync(join(dir, fileName), text)
    const args = ['check', 'rules', '--lint=none', ...files.map(({ fileName }) => fileName)]
    const { exitCode, stderr } = await run(await programPath('promtool'), args, { cwd: dir, nothrow: true })
    const errors = new Map<string, string>()
    let current = ''
    for (const line of stderr.split('\n')) {
      // The line and column are those of the copy, which has another form than the user's file.
      const [, name = '', message = ''] = /^(\S+\.yaml): (?:\d+:\d+: )?(.*)$/.exec(line) ?? []
      if (files.some(({ fileName }) => fileName === name)) current = name
      const text = name === current ? message : line.trim()
      if (current === '' || text === '' || text === 'FAILED:') continue
      errors.set(current, [errors.get(current) ?? [], text].flat().join('; '))
    }
    if (exitCode !== 0 && errors.size === 0) throw new LabError('promtool cannot check the rules', { why: stderr })
    return errors
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Writes the rules of RULES_DIR for the lab's Prometheus, which then has to load them. A source that is broken now keeps its last good rules.
 * Returns the status, and whether a file changed. Removes other files but the one to keep.
 *
 * Throws a LabError when promtool can't run, or a file can't be written.
 */
export async function applyUserRules(
  lab: Lab,
  { keep }: { keep?: string } = {},
): Promise<UserRulesStatus & { hasChanged: boolean }> {
  const dir = userRulesDir(lab)
  const before = userRulesStatus(lab)
  const { found, refused, skipped } = await checkedRuleFiles(sourcePaths(lab.settings, 'rulesDir'))
  const texts = new Map(found.map(({ fileName, text }) => [fileName, text]))
  const broken = new Set(refused.map(({ source }) => source))
  const kept = before.files.filter(
    ({ fileName, source, file }) =>
      !texts.has(fileName) && (broken.has(source) || broken.has(file)) && existsSync(join(dir, fileName)),
  )
  for (const { fileName } of kept) texts.set(fileName, readFileSync(join(dir, fileName), 'utf8'))
  const hasChanged = writeGenerated(dir, texts, { removeOthers: true, ...(keep === undefined ? {} : { keep }) }) > 0
  const loaded = found.map(each => {
    const { fileName, source, file } = each
    return { fileName, source, file, rules: rulesOf([each]).length }
  })
  const status: UserRulesStatus = {
    files: [...loaded, ...kept],
    refused: refused.map(({ source, error }) => {
      const isKept = kept.some(each => each.source === source || each.file === source)
      return { source, why: `${error.message}${isKept ? '. Its last good rules stay loaded' : ''}` }
    }),
    skipped: [...skipped],
  }
  writeFileAtomically(statusPath(lab), `${JSON.stringify(status, null, 2)}\n`)
  return { ...status, hasChanged }
}

/** What `applyUserRules` did last. */
export function userRulesStatus(lab: Lab): UserRulesStatus {
  const path = statusPath(lab)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}'
  const { success, output } = v.safeParse(v.pipe(v.string(), v.parseJson(), statusSchema), text)
  return success ? output : { files: [], refused: [], skipped: [] }
}

/** The status as lines: counts, then what was refused and skipped. No lines without rules of the user. */
export function userRulesLines({ files, refused, skipped }: UserRulesStatus): string[] {
  if (files.length + refused.length + skipped.length === 0) return []
  const rules = files.reduce((sum, each) => sum + each.rules, 0)
  return [
    `Rules   ${rules} of RULES_DIR, in ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    ...refused.map(({ why }) => `Refused: ${why}`),
    ...skippedLines(skipped),
  ]
}

/** How often files are looked at. A file that is being written is taken after it has not changed for this time. */
const WATCH_MS = 1_000
const AFTER_ERROR_MS = 60_000

/**
 * A function that applies the rules of a lab again when their files have changed, removes the copy of a `make verify-alerts` that was killed, and
 * then calls `reload`. To be called all the time.
 */
export function watchUserRules({
  open,
  reload,
  say,
}: {
  /** The lab with its present settings. */
  open: () => Lab
  reload: (lab: Lab) => Promise<unknown>
  say: (line: string) => void
}): () => Promise<void> {
  let [nextMs, seen, applied] = [0, '', '']
  return async () => {
    if (Date.now() < nextMs) return
    // After an error the next look is later.
    nextMs = Date.now() + AFTER_ERROR_MS
    await look()
    nextMs = Date.now() + WATCH_MS
  }

  async function look(): Promise<void> {
    const lab = open()
    const copy = join(userRulesDir(lab), alertsCopyName)
    if (existsSync(copy) && (await livingHolder(alertsLockPath(lab))) === undefined) {
      rmSync(copy, { force: true })
      await reload(lab)
      say('Removed the alerts of a verify-alerts that was killed')
    }
    const paths = sourcePaths(lab.settings, 'rulesDir')
    const stamp = paths.length === 0 ? '' : `${paths.join()}\n${sourcesStamp(paths, 'rule file')}`
    if (stamp === applied || stamp !== seen) {
      seen = stamp
      return
    }
    const status = await applyUserRules(lab, { keep: alertsCopyName })
    if (status.hasChanged) await reload(lab)
    applied = stamp
    for (const line of userRulesLines(status)) say(line)
  }
}

function statusPath(lab: Lab): string {
  return join(lab.configDir, 'rules.json')
}
