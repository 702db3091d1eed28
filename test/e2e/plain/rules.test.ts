/** Rules of the user in the lab's Prometheus, whose files change and break. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertDone, assertSays, type TestLab, waitFor } from '../../support/lab.ts'
import { openPlainLab } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'
import { assertFires, assertKeepsLastGood, assertTakesChange, stateOf, writeRules } from '../../support/user-rules.ts'

const it = suite<{ lab: TestLab; folder: string }>('RULES_DIR')
it.before(async context => {
  context.lab = await openPlainLab()
  context.folder = join(context.lab.tempDir, 'rules')
  mkdirSync(context.folder)
})

it('loads beside the rules of the lab, and changes with its files', async ({ lab, folder }) => {
  writeRules(folder, 'MineFirst')
  const loaded = await lab.task('kwok-lgtm', ['--rules-dir', folder])
  assertDone(loaded)
  assertSays(loaded.stderr, /^Rules {3}2 of RULES_DIR, in 1 file$/m)
  await assertFires(lab, 'MineFirst')
  await assertTakesChange(lab, folder, 'MineFirst')
})

it('keeps the last good rules of a broken file, and kwok-status says so', async ({ lab, folder }) => {
  await assertKeepsLastGood(lab, folder)
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
  await assertFires(lab, 'MineThird')
  const verified = await lab.task('verify', ['--rules', folder, '--no-wait'])
  assertDone(verified)
  assertSays(verified.stdout, /^Alerts: 1 firing \(MineThird\), 0 pending, 0 inactive$/m)
  assertDone(await lab.task('kwok-lgtm', ['--rules-dir', 'none']))
  await waitFor('no rules', async () => assert.equal(await stateOf(lab, 'MineThird'), undefined))
})
it.run()
