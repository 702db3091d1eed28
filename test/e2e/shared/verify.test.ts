/** Checks of the dashboards on the shared lab. */
import assert from 'node:assert/strict'
import { labDashboards } from '../../../dashboards/index.ts'
import { createPrometheusApi } from '../../../lib/prometheus/prometheus-client.ts'
import { assertCatalogIsLive } from '../../support/catalog.ts'
import { assertSays, type TestLab, waitFor } from '../../support/lab.ts'
import { INTERVAL_MS, openSharedLab, reportFile } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const verify = suite<{ lab: TestLab }>('make verify')
verify.before(async context => {
  context.lab = (await openSharedLab()).lab
})

verify('and the report wait right after make kwok until there is enough to verify', async ({ lab }) => {
  const { exitCode, stdout } = await lab.task('report', ['--out', reportFile(lab)])
  assertSays(stdout, new RegExp(`^${labDashboards().length} dashboards in .*; verify: 0 failed$`, 'm'))
  assert.equal(exitCode, 0)
})

verify('can read the interval from Prometheus, as on a cluster that was set up elsewhere', async ({ lab }) => {
  const { scrapeIntervalMs } = createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`)
  assert.equal(await scrapeIntervalMs(), INTERVAL_MS)
})

verify('finds a lab without alerts, pending or firing', async ({ lab }) => {
  const api = createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`)
  const alerts = async () => (await api.rules()).flatMap(({ name, alerts }) => alerts.map(() => name))
  // A pending alert may end at the next evaluation.
  await waitFor('end of the alerts', async () => assert.deepEqual(await alerts(), []))
})

verify('finds in Prometheus exactly the metrics of the catalogue', async ({ lab }) => {
  await assertCatalogIsLive(`http://127.0.0.1:${lab.ports.prometheusPort}`)
})
verify.run()
