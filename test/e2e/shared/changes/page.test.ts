/** What shows the dashboards: the page with dashboards of the user, nothing, and Grafana. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../../../../lib/lab/lab.ts'
import { assertDone, assertSays, type TestLab } from '../../../support/lab.ts'
import { openSharedLab } from '../../../support/shared-lab.ts'
import { suite } from '../../../support/suite.ts'

const it = suite<{ lab: TestLab; origin: string }>('page and Grafana')
it.before(async context => {
  context.lab = (await openSharedLab()).lab
  context.origin = `http://127.0.0.1:${context.lab.ports.grafanaPort}`
})

it("shows the dashboards of the user's folder, which the lab keeps whatever another lab uses", async ({
  lab,
  origin,
}) => {
  const folder = join(lab.tempDir, 'mine')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'mine.json'),
    JSON.stringify({ title: 'Mine', uid: 'mine', schemaVersion: 39, panels: [] }),
  )
  assertDone(await lab.task('view', ['--dashboards-dir', folder]))
  const statusOf = async () => (await fetch(`${origin}/d/mine`)).status
  assert.equal(await statusOf(), 200)
  const other = { CLUSTER_NAME: `${lab.name}-other`, COLLECTION_INTERVAL: '1m', DASHBOARDS_DIR: 'none' }
  assertDone(await lab.task('dashboards', [], { env: other }))
  // It reports nothing and changes nothing.
  const again = await lab.task('kwok-grafana')
  assertDone(again)
  assert.equal(again.stderr, '')
  assert.equal(await statusOf(), 200)
  const missing = await lab.task('kwok-grafana', ['--dashboards-dir', join(lab.tempDir, 'nowhere')])
  assertSays(missing.stderr, /^Cannot add the dashboards of \S+nowhere: there is no such file or folder\n {2}Next: /)
  assert.equal(missing.exitCode, 2)
})

it('stops with GRAFANA=none, and Grafana replaces it where its binary is available', async ({ lab, origin }) => {
  assertDone(await lab.task('kwok-grafana', ['--grafana', 'none']))
  await assert.rejects(fetch(origin))
  // The choice holds until another one is made.
  const ready = await lab.task('kwok-ready', [], { env: { GRAFANA: undefined } })
  assertDone(ready)
  assert.doesNotMatch(ready.stdout, /Dashboards/)
  const status = await lab.task('kwok-status')
  assert.equal(status.exitCode, 0, status.stdout)
  assert.doesNotMatch(status.stdout, /^(page|grafana) /m)
  const env = { GRAFANA_BINARY: standIn(lab) }
  assertDone(await lab.task('kwok-grafana', ['--grafana', 'auto'], { env }))
  assert.equal((await fetch(`${origin}/api/health`)).status, 200)
  assertSays((await lab.task('kwok-status')).stdout, /^grafana +up /m)
  const datasources = readFileSync(join(lab.dir, 'config', 'grafana', 'datasources', 'lab.yaml'), 'utf8')
  assertSays(datasources, new RegExp(`url: http://127.0.0.1:${lab.ports.prometheusPort}\\n`))
  assertSays(datasources, /timeInterval: 5s\n/)
  const providers = readFileSync(join(lab.dir, 'config', 'grafana', 'dashboards', 'lab.yaml'), 'utf8')
  assertSays(providers, new RegExp(`path: ${join(lab.tempDir, 'mine')}\n`))
  assert.ok(existsSync(join(projectDir, 'dashboards', 'out', 'json', 'lab-overview.json')))
})

it.run()

/** A program that listens on Grafana's port, in a folder like that of Grafana's release. */
function standIn(lab: TestLab): string {
  const home = join(lab.tempDir, 'grafana-0.0.0')
  for (const folder of ['bin', 'conf']) mkdirSync(join(home, folder), { recursive: true })
  writeFileSync(join(home, 'conf', 'defaults.ini'), '')
  const program = join(home, 'bin', 'grafana')
  const serve = `require('http').createServer((request, response) => response.end('{}')).listen(process.env.GF_SERVER_HTTP_PORT, process.env.GF_SERVER_HTTP_ADDR)`
  writeFileSync(program, `#!${process.execPath}\n${serve}\n`, { mode: 0o755 })
  return program
}
