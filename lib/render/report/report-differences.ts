import { readFileSync } from 'node:fs'
import { array, boolean, type InferOutput, number, object, optional, parse, record, string } from 'valibot'
import { plural } from '../../checks/lint/cause-lines.ts'
import { causesOf, panelWord, type VerifyReport } from '../../checks/verify/verify-report.ts'
import { LabError } from '../../cli/errors.ts'
import { type Html, html, scrollTable } from '../charts/html.ts'
import type { ReportedDashboard } from './report-html.ts'

const panelSchema = object({
  /** The titles of dashboard and panel, unique in a report. */
  place: string(),
  verdict: string(),
  causes: array(string()),
  /** By the names of the values or series. */
  numbers: record(string(), object({ value: number(), text: string() })),
  /** Whether there are more, of which the panel draws the highest. */
  isPart: optional(boolean(), false),
})

/** A report as data, to compare a later one with. */
const reportSchema = object({ time: string(), title: string(), failed: number(), panels: array(panelSchema) })
export type ReportData = InferOutput<typeof reportSchema>
type PanelData = InferOutput<typeof panelSchema>

/** What changed from one report to another, each as texts before and now; empty for what there was or is not. */
export interface ReportDifferences {
  before: { time: string; failed: number }
  now: { time: string; failed: number }
  verdicts: readonly Change[]
  causes: readonly Change[]
  /** Those that changed most first. */
  numbers: readonly Change[]
}

interface Change {
  place: string
  before: string
  now: string
}

/** A number that differs by less than verify tolerates has not changed. */
const TOLERANCE = 0.05

/** The data of a report. Failures that are not of a panel have the dashboard's title as their place. */
export function reportData(
  title: string,
  { verified, dashboards }: { verified: VerifyReport; dashboards: readonly ReportedDashboard[] },
): ReportData {
  const panels = dashboards.flatMap(({ title: of, dashboard, result, numbers, partial }) => {
    const failures = verified.failures.filter(({ source }) => source === dashboard.source)
    const causesIn = (id: number | undefined) => causesOf(failures.filter(({ panelId }) => panelId === id)).sort()
    const ofPanels = dashboard.panels.map(({ id, title: panel }): PanelData => {
      const found = result?.byPanel.find(each => each.id === id)
      return {
        place: `${of} / ${panel}`,
        verdict: found === undefined ? '' : panelWord(found),
        causes: causesIn(id),
        numbers: numbersOf(id, numbers),
        isPart: [...partial].some(key => isOfPanel(key, id)),
      }
    })
    const others = causesIn(undefined)
    const verdict = result?.verdict ?? ''
    return [{ place: of, verdict, causes: others, numbers: {}, isPart: false }, ...ofPanels]
  })
  const seen = new Map<string, number>()
  const unique = panels.map(panel => {
    const count = (seen.get(panel.place) ?? 0) + 1
    seen.set(panel.place, count)
    return count === 1 ? panel : { ...panel, place: `${panel.place} (${count})` }
  })
  return { time: verified.time, title, failed: verified.failures.length, panels: unique }
}

/** The numbers of a panel and its copies, those of the copies with their number. */
function numbersOf(id: number, numbers: ReportedDashboard['numbers']): PanelData['numbers'] {
  return Object.fromEntries(
    [...numbers].flatMap(([key, found]) => {
      if (!isOfPanel(key, id)) return []
      const [, copy] = key.split('-')
      return found.map(([name, number]) => [copy === undefined ? name : `${name} (copy ${copy})`, number] as const)
    }),
  )
}

/** Whether a key is that of a panel or of a copy of it. */
function isOfPanel(key: string, id: number): boolean {
  return key.split('-', 1)[0] === String(id)
}

/** Reads the data of an earlier report. Throws a LabError when the file has none. */
export function readReportData(path: string): ReportData {
  try {
    return parse(reportSchema, JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    throw new LabError(`Cannot compare with ${path}`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'name the JSON file that make report wrote beside the HTML file',
      cause: error,
    })
  }
}

/** What changed between two reports. */
export function reportDifferences(before: ReportData, now: ReportData): ReportDifferences {
  const places = [...new Set([...before.panels, ...now.panels].map(({ place }) => place))]
  const of = ({ panels }: ReportData) => new Map(panels.map(panel => [panel.place, panel]))
  const [old, recent] = [of(before), of(now)]
  const pairs = places.map(place => ({ place, was: old.get(place), is: recent.get(place) }))
  const absent = (panel: PanelData | undefined) =>
    panel === undefined ? 'no such panel' : panel.verdict || 'not checked'
  return {
    before: { time: before.time, failed: before.failed },
    now: { time: now.time, failed: now.failed },
    verdicts: pairs
      .map(({ place, was, is }) => ({ place, before: absent(was), now: absent(is) }))
      .filter(change => change.before !== change.now),
    causes: pairs.flatMap(({ place, was, is }) => {
      const gone = (was?.causes ?? []).filter(cause => !is?.causes.includes(cause))
      const added = (is?.causes ?? []).filter(cause => !was?.causes.includes(cause))
      return [
        ...added.map(cause => ({ place, before: '', now: cause })),
        ...gone.map(cause => ({ place, before: cause, now: '' })),
      ]
    }),
    numbers: pairs
      .flatMap(({ place, was, is }) => (was === undefined || is === undefined ? [] : numberChanges(place, was, is)))
      .sort((a, b) => b.size - a.size)
      .map(({ size: _, ...change }) => change),
  }
}

function numberChanges(place: string, was: PanelData, is: PanelData): (Change & { size: number })[] {
  const names = [...new Set([...Object.keys(was.numbers), ...Object.keys(is.numbers)])]
  return names.flatMap(name => {
    const [a, b] = [was.numbers[name], is.numbers[name]]
    // A series that a panel does not draw may have the same number as before.
    if ((a === undefined && was.isPart) || (b === undefined && is.isPart)) return []
    const size =
      a === undefined || b === undefined
        ? 1
        : Math.abs(a.value - b.value) / Math.max(Math.abs(a.value), Math.abs(b.value))
    // 0 and 0 differ by NaN.
    if (!(size > TOLERANCE)) return []
    return [{ place: name === '' ? place : `${place}: ${name}`, before: a?.text ?? '', now: b?.text ?? '', size }]
  })
}

/** The maximum number of lines of the Markdown text. */
export const MAX_LINES = 60
/** Each table has these lines beside its rows: a blank one, its title, a blank one, two of the head, and the count of what is left out. */
const TABLE_LINES = 6

/** The differences as Markdown of at most `MAX_LINES` lines, for a comment of a pull request. */
export function differencesMarkdown(title: string, differences: ReportDifferences): string {
  const tables = tablesOf(differences).filter(([, changes]) => changes.length > 0)
  const head = [`### ${title}`, '', summaryOf(differences)]
  let left = MAX_LINES - head.length - tables.length * TABLE_LINES
  const parts = tables.map(([name, changes], at) => {
    // Later tables get what earlier ones leave, and at least an equal share.
    const rows = changes.slice(0, Math.floor(left / (tables.length - at)))
    left -= rows.length
    const rest = changes.length - rows.length
    return [
      `\n**${name}**\n\n| panel | before | now |\n| --- | --- | --- |`,
      ...rows.map(({ place, before, now }) => `| ${[place, before, now].map(cell).join(' | ')} |`),
      ...(rest > 0 ? [`| and ${rest} more | | |`] : []),
    ]
  })
  return `${[...head, ...parts.flat()].join('\n')}\n`
}

function tablesOf({ verdicts, causes, numbers }: ReportDifferences): [name: string, changes: readonly Change[]][] {
  return [
    ['Verdicts', verdicts],
    ['Causes', causes],
    ['Numbers', numbers],
  ]
}

function summaryOf({ before, now, ...changes }: ReportDifferences): string {
  const { verdicts, causes, numbers } = changes
  const counts = [plural(verdicts.length, 'verdict'), plural(causes.length, 'cause'), plural(numbers.length, 'number')]
  const minute = (time: string) => `${time.slice(0, 16).replace('T', ' ')} UTC`
  return `Changed from ${minute(before.time)} to ${minute(now.time)}: ${counts.join(', ')} (numbers by more than ${100 * TOLERANCE} %). Failed before ${before.failed}, now ${now.failed}.`
}

/** A cell of a Markdown table: one line, without what Markdown or HTML would read. */
function cell(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return (line.length > 160 ? `${line.slice(0, 160)}…` : line).replace(/[\\|<>`*_[\]]/g, '\\$&')
}

/** The rows of each table in the report. */
const MAX_ROWS = 200

/** The differences as a part of the report. */
export function differencesPart(differences: ReportDifferences): Html {
  const tables = tablesOf(differences).filter(([, changes]) => changes.length > 0)
  const parts = tables.map(([name, changes]) => {
    const rest = changes.length > MAX_ROWS ? html`<p class="note">${MAX_ROWS} of ${changes.length}.</p>` : undefined
    const rows = changes.slice(0, MAX_ROWS).map(changeRow)
    return html`<h3>${name}</h3>${scrollTable(`${name} that changed`, ['Panel', 'Before', 'Now'], rows)}${rest}`
  })
  return html`<h2>Differences</h2><p>${summaryOf(differences)}</p>${parts}`
}

function changeRow({ place, before, now }: Change): Html {
  return html`<tr><th scope="row">${place}</th><td class="words">${before}</td><td class="words">${now}</td></tr>
`
}
