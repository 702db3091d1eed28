/** Rules of the user in a lab that runs, in either runtime. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import { createPrometheusApi } from '../../lib/prometheus/prometheus-client.ts'
import { assertSays, type TestLab, waitFor } from './lab.ts'

/** A group that the rules of the lab have too. */
const GROUP = 'kubernetes'

/** Writes an object with a recording, `mine:targets`, and one alert, which fires unless another query is given. */
export function writeRules(folder: string, alert: string, expr = 'mine:targets > 0'): void {
  const metadata = { name: 'mine', namespace: 'monitoring' }
  const rules = [
    { record: 'mine:targets', expr: 'count(up)' },
    { alert, expr },
  ]
  const spec = { groups: [{ name: GROUP, rules }] }
  const object = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata, spec }
  writeFileSync(join(folder, 'mine.yaml'), stringify(object))
}

/** The state of an alert of that file; undefined while it is not loaded. */
export async function stateOf(lab: TestLab, alert: string): Promise<string | undefined> {
  return (await rulesOf(lab)).find(({ name }) => name === alert)?.state
}

/** Waits until an alert of that file fires, and its recording has a series. */
export async function assertFires(lab: TestLab, alert: string): Promise<void> {
  await waitFor(`firing alert ${alert}`, async () => assert.equal(await stateOf(lab, alert), 'firing'))
  assert.equal((await lab.query('mine:targets')).length, 1, 'mine:targets')
}

/** Writes another alert, waits until Prometheus has it in place of the one before, and asserts that the lab's own group of the same name is there. */
export async function assertTakesChange(lab: TestLab, folder: string, before: string): Promise<void> {
  writeRules(folder, 'MineSecond')
  await assertFires(lab, 'MineSecond')
  assert.equal(await stateOf(lab, before), undefined)
  const files = (await rulesOf(lab)).flatMap(({ group, file }) => (group === GROUP ? basename(file) : []))
  assert.deepEqual([...new Set(files)].map(file => file.replace(/-\w{8}\.yaml$/, '')).sort(), [
    'kubernetes.yaml',
    'mine',
  ])
}

/** Breaks the file, waits until kwok-status says so, and asserts that the rules before it stay loaded. */
export async function assertKeepsLastGood(lab: TestLab, folder: string): Promise<void> {
  writeRules(folder, 'MineBroken', 'sum(')
  const refusal =
    /^Refused: promtool refuses \S+mine\.yaml: .*unclosed left parenthesis\. Its last good rules stay loaded$/m
  await waitFor('refusal', async () => assertSays((await lab.task('kwok-status')).stdout, refusal))
  await assertFires(lab, 'MineSecond')
}

async function rulesOf(lab: TestLab) {
  return await createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`).rules()
}
