import { makeCommand } from '../../cli/settings.ts'
import type { Lab } from '../../lab/lab.ts'
import { runningScenarios } from '../../scenarios/scenario-journal.ts'
import { scenarios } from '../../scenarios/scenario-list.ts'
import { type Failure, otherFailure, otherResult, type VerifyReport } from './verify-report.ts'

const TITLE = 'Scenarios'

/** The report while a scenario keeps the lab from measuring: one failure for each such scenario, and no query is run. Undefined when none runs. */
export function brokenMeasuring(lab: Lab, prometheusUrl: string): VerifyReport | undefined {
  const failures = runningScenarios(lab).flatMap(({ name, text }): Failure[] => {
    const why = scenarios.find(each => each.name === name)?.breaksMeasuring
    if (why === undefined) return []
    const hint = `${makeCommand('kwok-heal', lab.settings.clusterName)} ends it`
    const [got, expected] = [`${text}: ${why}`, 'a lab that measures']
    return [otherFailure(TITLE, { panel: name, problem: 'not measured', got, expected, hint })]
  })
  if (failures.length === 0) return undefined
  return {
    prometheusUrl,
    time: new Date().toISOString(),
    truth: '',
    notes: ['No query was run'],
    dashboards: [otherResult(TITLE, { failed: failures.length })],
    failures,
    slowest: [],
    requests: 0,
    seconds: 0,
    waitedSeconds: 0,
  }
}
