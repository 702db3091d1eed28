import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, writeFileAtomically } from '../../lab/lab.ts'
import { type DashboardResult, type Failure, RULES, type RuleResult, type VerifyReport } from './verify-report.ts'

/** What verify last found in one dashboard. */
export interface LastResult {
  /** ISO 8601. */
  time: string
  result: DashboardResult
  failures: readonly Failure[]
  /** Of the user's rules: each with what is wrong with it. */
  rules?: readonly RuleResult[]
}

/** The last results by the dashboards' sources. */
export type LastVerify = ReadonlyMap<string, LastResult>

/** The most failures of a dashboard that are kept. */
const MOST_FAILURES = 200

/** The results of a report, for each dashboard. Queries without an expected value are left out. */
export function resultsOf({ dashboards, failures, time, rules }: VerifyReport): LastVerify {
  return new Map(
    dashboards.map(result => {
      const { source } = result
      const own = failures.filter(each => each.source === source).slice(0, MOST_FAILURES)
      const found = { time, result: { ...result, withoutTruth: [] }, failures: own }
      return [source, source === RULES && rules !== undefined ? { ...found, rules } : found]
    }),
  )
}

/** Keeps the results of a report in the lab; those of dashboards that it did not check stay. */
export function rememberVerify(lab: Lab, report: VerifyReport): void {
  if (!existsSync(lab.dataDir)) return
  const all = new Map([...lastVerify(lab), ...resultsOf(report)])
  writeFileAtomically(fileOf(lab), JSON.stringify(Object.fromEntries(all)))
}

/** What verify last found in the dashboards of a lab. */
export function lastVerify(lab: Pick<Lab, 'dataDir'>): LastVerify {
  const file = fileOf(lab)
  if (!existsSync(file)) return new Map()
  return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, LastResult>))
}

function fileOf({ dataDir }: Pick<Lab, 'dataDir'>): string {
  return join(dataDir, 'last-verify.json')
}
