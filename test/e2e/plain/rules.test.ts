/** Rules of the user in the lab's Prometheus, whose files change and break. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { createPrometheusApi } from '../../../lib/prometheus/prometheus-client.ts'
import { assertDone, assertSays, type TestLab, waitFor } from '../../support/lab.ts'
import { openPlainLab } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const it = suite<{ lab: TestLab; folder: string }>('RULES_DIR')
it.before(async context => {
  context.lab = await openPlainLab()
  context.folder = join(context.lab.tempDir, 'rules')
  mkdirSync(context.folder)
})

/** Writes an object with one alert, in a group that the lab has too. */
function writeRules(folder: string, alert: string, expr = 'up == 1'): void {
  const metadata = { name: 'mine', namespace: 'monitoring' }
  const spec = { groups: [{ name: 'kubernetes', rules: [{ alert, expr }] }] }
  const object = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata, spec }
  writeFileSync(join(folder, 'mine.yaml'), stringify(object))
}

/** The state of an alert of that file; undefined while it is not loaded. */
async function stateOf(lab: TestLab, alert: string): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${lab.ports.prometheusPort}/api/v1/rules?type=alert`)
  const { data } = (await answer.json()) as { data: { groups: { rules: { name: string; state: string }[] }[] } }
  return data.groups.flatMap(({ rules }) => rules).find(({ name }) => name === alert)?.state
}

it('loads beside the rules of the lab, and changes with its files', async ({ lab, folder }) => {
  writeRules(folder, 'MineFirst')
  const loaded = await lab.task('kwok-lgtm', ['--rules-dir', folder])
  assertDone(loaded)
  assertSays(loaded.stderr, /^Rules {3}1 of RULES_DIR, in 1 file$/m)
  const isFiring = (alert: string) => async () => assert.equal(await stateOf(lab, alert), 'firing')
  await waitFor('the first alert', isFiring('MineFirst'))
  writeRules(folder, 'MineSecond')
  await waitFor('the second alert', isFiring('MineSecond'))
  assert.equal(await stateOf(lab, 'MineFirst'), undefined)
  const ownRules = await createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`).recordingRules()
  assert(ownRules.size > 5, 'the rules of the lab')
})

it('keeps the last good rules of a broken file, and kwok-status says so', async ({ lab, folder }) => {
  writeRules(folder, 'MineBroken', 'sum(')
  const status = async () => (await lab.task('kwok-status')).stdout
  const refusal =
    /^Refused: promtool refuses \S+mine\.yaml: .*unclosed left parenthesis\. Its last good rules stay loaded$/m
  await waitFor('the refusal', async () => assert.match(await status(), refusal))
  assert.equal(await stateOf(lab, 'MineSecond'), 'firing')
})

it('is sent to Alertmanager while ALERTMANAGER is true', async ({ lab, folder }) => {
  const port = lab.ports.alertmanagerPort
  const config = () => readFileSync(join(lab.dir, 'config', 'prometheus.yaml'), 'utf8')
  assertDone(await lab.task('kwok-lgtm', ['--alertmanager', 'true']))
  assertSays((await lab.task('kwok-status')).stdout, new RegExp(`^alertmanager +up +127\\.0\\.0\\.1:${port} `, 'm'))
  assert(config().includes(`- 127.0.0.1:${port}`))
  // A new alert: Prometheus sends one that fired before only a minute after its last attempt.
  writeRules(folder, 'Watchdog')
  const grouped = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v2/alerts/groups?receiver=Watchdog`)
    const groups = (await answer.json()) as { alerts: { labels: Record<string, string> }[] }[]
    assert.equal(groups[0]?.alerts[0]?.labels['alertname'], 'Watchdog')
  }
  await waitFor('the alert in Alertmanager', grouped)
  assertSays(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /<title>Alertmanager<\/title>/)
  assertDone(await lab.task('kwok-lgtm', ['--alertmanager', 'false']))
  assert.equal((await lab.partPids()).get('alertmanager'), undefined)
  assert.doesNotMatch(config(), /alerting/)
})

it('is verified with the state that Prometheus reports, and goes with RULES_DIR=none', async ({ lab, folder }) => {
  writeRules(folder, 'MineThird')
  await waitFor('the third alert', async () => assert.equal(await stateOf(lab, 'MineThird'), 'firing'))
  const verified = await lab.task('verify', ['--rules', folder, '--no-wait'])
  assertDone(verified)
  assertSays(verified.stdout, /^Alerts: 1 firing \(MineThird\), 0 pending, 0 inactive$/m)
  assertDone(await lab.task('kwok-lgtm', ['--rules-dir', 'none']))
  await waitFor('no rules', async () => assert.equal(await stateOf(lab, 'MineThird'), undefined))
})
it.run()
