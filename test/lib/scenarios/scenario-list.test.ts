import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../../lib/lab/lab.ts'
import {
  notRaised,
  scenarioListText,
  scenarioNamed,
  scenarios,
  scenarioTables,
} from '../../../lib/scenarios/scenario-list.ts'
import { tempLab } from '../../support/temp-lab.ts'

const list = suite('scenarios')

list('have different names, and stand in the list and in the tables of docs/scenarios.md', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
  for (const { name } of scenarios) assert.match(scenarioListText(), new RegExp(`^${name} `, 'm'))
  const page = readFileSync(join(projectDir, 'docs', 'scenarios.md'), 'utf8')
  assert(page.includes(scenarioTables()), `docs/scenarios.md lacks these tables:\n${scenarioTables()}`)
})

list("name alerts that the lab's rules have", () => {
  const dir = join(projectDir, 'dashboards', 'rules')
  const rules = readdirSync(dir).map(file => readFileSync(join(dir, file), 'utf8'))
  for (const { name, alerts } of scenarios) {
    for (const alert of alerts.otel) assert(rules.join().includes(`alert: ${alert}\n`), `${name}: ${alert}`)
  }
  // Each is raised, or listed as not raised.
  const raised = new Set(scenarios.flatMap(({ alerts }) => [...alerts.otel, ...alerts.prometheus]))
  const others = notRaised.flatMap(([alerts]) => alerts)
  assert.deepEqual(
    others.filter(alert => raised.has(alert)),
    [],
  )
  const all = [...rules.join().matchAll(/alert: (\w+)\n/g)].map(([, alert = '']) => alert)
  assert(all.length > 20)
  assert.deepEqual(
    all.filter(alert => !raised.has(alert) && !others.includes(alert)),
    [],
  )
})
list.run()

const lab = suite('a scenario of a part')

lab('is refused where the runtime cannot stop the part, or it does not run', async () => {
  const why = async (name: string, runtime: string) => await scenarioNamed(name).unfitLab?.(tempLab({ runtime }))
  assert.equal(await why('scheduler-down', 'docker'), 'only the binary runtime can stop it')
  assert.equal(await why('scheduler-down', 'binary'), 'it does not run')
  assert.equal(await why('collector-down', 'binary'), 'it does not run')
})
lab.run()

const named = suite('scenarioNamed()')

named('gives a scenario by its name', () => assert.equal(scenarioNamed('crash-loop').name, 'crash-loop'))

named('names the nearest for a misspelt one, and the list for another', () => {
  assert.throws(
    () => scenarioNamed('crash-lop'),
    /^UsageError: There is no scenario "crash-lop": did you mean crash-loop\?$/,
  )
  assert.throws(() => scenarioNamed('earthquake'), {
    message: 'There is no scenario "earthquake"',
    next: 'make kwok-scenario SCENARIO=list',
  })
})
named.run()
