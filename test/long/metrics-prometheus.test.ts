/** A lab that has kube-prometheus' metrics alone, after both. test/e2e/plain/metrics.test.ts has both, and OpenTelemetry's alone. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { uids } from '../../dashboards/uids.ts'
import type { VerifyReport } from '../../lib/checks/verify/verify-report.ts'
import { assertDone, type TestLab, waitFor } from '../support/lab.ts'
import { assertKubePrometheusTargets } from '../support/measured.ts'
import { kwokWords, NODES, openPlainLab } from '../support/shared-lab.ts'
import { suite } from '../support/suite.ts'

const metrics = suite<{ lab: TestLab }>('make kwok METRICS=prometheus')
metrics.before(async context => {
  context.lab = await openPlainLab()
})

metrics('has the other metrics beside it first', async ({ lab }) => {
  assertDone(await lab.make([...kwokWords, 'METRICS=both']))
})

metrics('ends the series of the collector, and each number is right', async ({ lab }) => {
  assertDone(await lab.make([...kwokWords, 'METRICS=prometheus']))
  assertDone(await lab.make(['kwok-status']))
  await assertKubePrometheusTargets(lab, NODES)
  await waitFor('end of the series by OpenTelemetry', async () => {
    // Of this machine the collector still has system metrics.
    const series =
      '{k8s_cluster_name!="", __name__=~"(k8s|container)_.*"} or system_cpu_time_seconds_total{k8s_node_name!=""}'
    assert.deepEqual(await lab.query(`count by (__name__) (${series})`), [])
  })
  const file = join(lab.tempDir, 'metrics.json')
  await lab.task('verify', ['--json', file])
  const report: VerifyReport = JSON.parse(readFileSync(file, 'utf8'))
  assert.deepEqual(report.failures, [])
  const dashboard = (uid: string) =>
    report.dashboards.find(({ source }) => source.endsWith(`/${uid}`)) ?? assert.fail(uid)
  assert.equal(dashboard(uids.kubePrometheus).verdict, 'ok')
  assert.match(dashboard(uids.cluster).notApplicable, /otel-metrics \(make kwok METRICS=both\)/)
  // The control plane is the same.
  assert.equal(dashboard(uids.apiserver).verdict, 'ok')
})
metrics.run()
