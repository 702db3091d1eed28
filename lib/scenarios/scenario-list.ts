import { UsageError } from '../cli/errors.ts'
import { nearestName } from '../cli/nearest-name.ts'
import { formatTable } from '../cli/table.ts'
import { nodeScenarios } from './node-scenarios.ts'
import { objectScenarios } from './object-scenarios.ts'
import { partScenarios } from './part-scenarios.ts'
import { podScenarios } from './pod-scenarios.ts'
import type { Scenario } from './scenario.ts'

/** In the order of the list and the docs. */
export const scenarios: readonly Scenario[] = [...podScenarios, ...nodeScenarios, ...objectScenarios, ...partScenarios]

/** Throws a UsageError that names the nearest scenario, or all. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find(each => each.name === name)
  if (found !== undefined) return found
  const names = scenarios.map(each => each.name)
  const nearest = nearestName(name, names)
  throw new UsageError(`There is no scenario "${name}"`, {
    why: nearest === undefined ? `the scenarios are ${names.join(', ')}` : `did you mean ${nearest}?`,
    next: 'make kwok-scenario SCENARIO=list',
  })
}

/** What `SCENARIO=list` prints. */
export function scenarioListText(): string {
  const rows = scenarios.map(({ name, target, does }) => [name, target, does])
  return formatTable([['SCENARIO', 'TARGET', 'WHAT HAPPENS'], ...rows])
}

/** The tables of docs/scenarios.md. */
export function scenarioTables(): string {
  const codes = (names: readonly string[]) => names.map(name => `\`${name}\``).join(', ') || '-'
  const does = scenarios.map(
    ({ name, target, does, effect, heals }) => `| \`${name}\` | ${target} | ${does} | ${effect} | ${heals} |`,
  )
  const shows = scenarios.map(
    ({ name, shows, alerts }) => `| \`${name}\` | ${shows} | ${codes(alerts.otel)} | ${codes(alerts.prometheus)} |`,
  )
  return [
    '| scenario | target | what happens | full effect after | healing |',
    '| --- | --- | --- | --- | --- |',
    ...does,
    '',
    "| scenario | dashboards | the lab's alerts | kube-prometheus' alerts |",
    '| --- | --- | --- | --- |',
    ...shows,
  ].join('\n')
}
