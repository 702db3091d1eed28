/** A lab whose METRICS changes to both dialects and back, while nodes come and go. test/long/metrics-prometheus.test.ts has one alone. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadDashboards } from '../../../dashboards/load.ts'
import { uids } from '../../../dashboards/uids.ts'
import { reachLab, verifyLab } from '../../../lib/checks/verify/verify-lab.ts'
import type { DashboardResult, VerifyReport } from '../../../lib/checks/verify/verify-report.ts'
import { openLab } from '../../../lib/lab/lab.ts'
import { assertCatalogIsLive } from '../../support/catalog.ts'
import { assertDone, assertSays, isAlive, killHard, type TestLab, waitFor } from '../../support/lab.ts'
import { assertKubePrometheusTargets, assertMeasured, readCluster, scraped } from '../../support/measured.ts'
import { kwokWords, NODES, openPlainLab, PODS } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const metrics = suite<{ lab: TestLab }>('make kwok with another METRICS')
metrics.before(async context => {
  context.lab = await openPlainLab()
})

const KUBE_STATE_METRICS = 'kube-state-metrics'

metrics('both: scrapes every node, also a new one, and each number is right in both dialects', async ({ lab }) => {
  const nodes = NODES + 1
  assertDone(await lab.make(['kwok', 'METRICS=both', `NODE_COUNT=${nodes}`]))
  await assertKubePrometheusTargets(lab, nodes)
  const report = await verify(lab)
  assert.deepEqual(report.failures, [])
  assert.deepEqual(report.notes, [])
  for (const { title, notApplicable } of report.dashboards) assert.doesNotMatch(notApplicable, /METRICS/, title)
  assert(!JSON.stringify(report.dashboards.map(({ reasons }) => reasons)).includes('METRICS'))
  const { withTruth, withoutTruth, compared, excused, queries } = dashboard(report, uids.kubePrometheus)
  assert.deepEqual([withTruth > 40, withoutTruth], [true, []])
  // Its variables have no truth.
  assert(compared >= withTruth && compared + excused >= queries - 10, `${compared} of ${queries}, ${excused} excused`)
  for (const [series, by] of [
    [`kube_pod_status_phase{${scraped(lab)}, phase="Running"} == 1`, 'namespace, pod'],
    [`k8s_pod_phase{k8s_cluster_name="${lab.name}"} == 2`, 'k8s_namespace_name, k8s_pod_name'],
  ])
    await waitFor('the running pods', async () => {
      const { pods } = await readCluster(lab)
      assert.equal((await lab.query(`count(count by (${by}) (${series}))`))[0]?.value, pods.length, series)
    })
  await assertCatalogIsLive(`http://127.0.0.1:${lab.ports.prometheusPort}`, ['otel', 'prometheus'])
})

metrics('a killed kube-state-metrics is reported by kwok-status and verify', async ({ lab }) => {
  const pid = (await lab.partPids()).get(KUBE_STATE_METRICS) ?? assert.fail('it does not run')
  killHard(pid)
  await waitFor('its end', () => assert(!isAlive(pid), 'it still runs'))
  const status = await lab.make(['kwok-status'])
  assert.notEqual(status.exitCode, 0)
  assertSays(status.stdout, /^kube-state-metrics +down/m)
  const up = `up{${scraped(lab)}, job="${KUBE_STATE_METRICS}"}`
  await waitFor('failed scrape', async () => assert.equal((await lab.query(`count(${up} == 0)`))[0]?.value, 2))
  const report = await verifyOnce(lab)
  assert(report.failures.length > 0, 'no failure')
  assertSays(report.notes.join('\n'), /^Prometheus cannot scrape job kube-state-metrics \(targets down: 2\)/m)
})

metrics('kwok-status names what kube-state-metrics may not list', async ({ lab }) => {
  const role = ['clusterrole', 'kube-otel-lab-kube-state-metrics']
  const { rules } = JSON.parse(await lab.kubectl(['get', ...role, '-o', 'json'])) as {
    rules: { resources: string[] }[]
  }
  const withoutPods = rules.map(rule => ({ ...rule, resources: rule.resources.filter(each => each !== 'pods') }))
  await lab.kubectl(['patch', ...role, '--type=merge', '-p', JSON.stringify({ rules: withoutPods })])
  assert.equal((await lab.make(['kwok-kube-state-metrics', 'METRICS=both'])).exitCode, 0)
  await waitFor('trouble', async () =>
    assertSays(
      (await lab.make(['kwok-status'])).stdout,
      /^Unhealthy: kube-state-metrics: it may not list v1\.Pod, so/m,
    ),
  )
})

metrics('otel: nothing of the other dialect is left', async ({ lab }) => {
  assertDone(await lab.make([...kwokWords, 'METRICS=otel']))
  await waitFor('end of the scraped series', async () => {
    assert.deepEqual(await lab.query(`count by (job) ({${scraped(lab)}})`), [])
  })
  assert.equal((await lab.partPids()).get(KUBE_STATE_METRICS), undefined)
  assert(!lab.processes().some(({ command }) => command.includes(KUBE_STATE_METRICS)), 'it still runs')
  const kinds = 'daemonsets,services,serviceaccounts,clusterroles,clusterrolebindings'
  const objects = await lab.kubectl(['get', kinds, '-A', '-o', 'name'])
  assert.doesNotMatch(objects, /node-exporter|kube-state-metrics/)
  // The lab leaves it, as it may hold objects of others.
  await lab.kubectl(['delete', 'namespace', 'monitoring'])
  await assertMeasured(lab, { nodes: NODES, labPods: PODS })
})
metrics.run()

/** The report of `make verify`, whether or not it fails. */
async function verify(lab: TestLab): Promise<VerifyReport> {
  const file = join(lab.tempDir, 'metrics.json')
  await lab.task('verify', ['--json', file])
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** The report of the dashboard of kube-prometheus metrics, as it is now. */
async function verifyOnce({ env }: TestLab): Promise<VerifyReport> {
  const opened = openLab({ flags: {}, env })
  const { lab, api, close } = await reachLab(opened)
  const { dashboards, refused } = loadDashboards(opened.settings)
  const own = dashboards.filter(each => each.dashboard.source.endsWith(`/${uids.kubePrometheus}`))
  try {
    return await verifyLab(lab, { dashboards: own, refused, api, waitsForWindow: false, retries: false })
  } finally {
    close()
  }
}

function dashboard({ dashboards }: VerifyReport, uid: string): DashboardResult {
  return dashboards.find(({ source }) => source.endsWith(`/${uid}`)) ?? assert.fail(uid)
}
