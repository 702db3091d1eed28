/** Checks of the dashboards on a lab whose pods are replaced, and with a collector that reports one node for all pods. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { loadDashboards } from '../../../../dashboards/load.ts'
import { clusterTruth } from '../../../../lib/checks/verify/lab-truth.ts'
import type { ClusterState } from '../../../../lib/checks/verify/pass-criteria.ts'
import { reachLab, verifyLab } from '../../../../lib/checks/verify/verify-lab.ts'
import { exitCode, type Failure, reportText, type VerifyReport } from '../../../../lib/checks/verify/verify-report.ts'
import { connect } from '../../../../lib/kube/api-client.ts'
import { fields, items } from '../../../../lib/kube/json.ts'
import { openLab } from '../../../../lib/lab/lab.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { assertDone, assertSameWords, assertSays, type TestLab, waitFor } from '../../../support/lab.ts'
import { openSharedLab } from '../../../support/shared-lab.ts'
import { suite } from '../../../support/suite.ts'

const verify = suite<{ lab: TestLab }>('make verify on a changing lab')
verify.before(async context => {
  context.lab = (await openSharedLab()).lab
})

verify('reads the state of the cluster before pods were deleted', async ({ lab }) => {
  const client = await connect({ kubeconfig: lab.kubeconfig, context: lab.context })
  try {
    const api = createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`)
    const truth = clusterTruth(client, { clusterName: lab.name, preset: 'steady', windowMs: 20_000, api })
    const uids = async (state: ClusterState | undefined) =>
      state?.snapshot.pods.filter(({ namespace }) => namespace === 'data').map(({ uid }) => uid)
    const was = (await uids(await truth.read())) ?? []
    assert(was.length > 0)
    // The resource version at a time is that of the last scrape before it.
    await sleep(6_000)
    const beforeMs = Date.now()
    await lab.kubectl(['-n', 'data', 'delete', 'pod', '--all', '--wait=false'])
    await waitFor('other pods', async () => {
      const now = (await uids(await truth.read())) ?? []
      assert(now.length > 0 && !now.some(uid => was.includes(uid)), now.join())
    })
    assertSameWords((await uids(await truth.readAt?.(beforeMs))) ?? [], was, 'pods before')
    assert.equal(await truth.readAt?.(beforeMs - 86_400_000), undefined)
  } finally {
    client.close()
  }
})

verify('passes while pods come and go, and compares hundreds of numbers', async ({ lab }) => {
  // A Deployment without an autoscaler.
  await lab.kubectl(['-n', 'shop', 'scale', 'deployment', 'catalog', '--replicas=9'])
  await lab.kubectl(['-n', 'data', 'delete', 'pod', '--all', '--wait=false'])
  const file = join(lab.tempDir, 'report.json')
  assertDone(await lab.task('verify', ['--json', file]))
  const report = fields(JSON.parse(readFileSync(file, 'utf8')))
  assert.deepEqual(report['failures'], [])
  const compared = items(report['dashboards']).reduce<number>((sum, each) => sum + Number(fields(each)['compared']), 0)
  assert(compared >= 300, `${compared} compared`)
})

verify('finds a collector that reports one node for all pods', async ({ lab }) => {
  const path = join(lab.dir, 'config', 'otelcol.yaml')
  const right = readFileSync(path, 'utf8')
  const config = fields(parse(right))
  const pipelines = fields(fields(config['service'])['pipelines'])
  const kubernetes = fields(pipelines['metrics/kubernetes'])
  const wrong = { attributes: [{ key: 'k8s.node.name', action: 'upsert', value: 'kwok-node-0001' }] }
  config['processors'] = { ...fields(config['processors']), 'resource/wrong': wrong }
  kubernetes['processors'] = [...items(kubernetes['processors']), 'resource/wrong']
  const all = 'count(group by (k8s_node_name) (timestamp(k8s_pod_cpu_time_seconds_total) > time() - 15))'
  try {
    await reloadCollector(lab, stringify(config, { aliasDuplicateObjects: false }))
    await waitFor('pods on one node', async () => assert.equal((await lab.query(all))[0]?.value, 1))
    const report = await verifyOnce(lab)
    assert.equal(exitCode(report), 1)
    const text = reportText(report)
    assertSays(text, /FAILED Pods' series \/ node of each pod: wrong node\n/)
    assertSays(text, /got +pod \S+, \d+ series: k8s_node_name=kwok-node-0001; and \d+ more pods\n/)
    const isOfNode = ({ problem, dashboard }: Failure) =>
      problem === 'wrong number' && dashboard.includes('Node (Pods)')
    assert(report.failures.some(isOfNode))
  } finally {
    await reloadCollector(lab, right)
  }
})
verify.run()

/** Verifies without a second look at what fails, as the cluster does not change. */
async function verifyOnce({ env }: TestLab): Promise<VerifyReport> {
  const opened = openLab({ flags: {}, env })
  const { lab, api, close } = await reachLab(opened)
  try {
    return await verifyLab(lab, { ...loadDashboards(opened.settings), api, waitsForWindow: true, retries: false })
  } finally {
    close()
  }
}

async function reloadCollector(lab: TestLab, config: string): Promise<void> {
  writeFileSync(join(lab.dir, 'config', 'otelcol.yaml'), config)
  const pid = (await lab.partPids()).get('collector')
  assert(pid !== undefined)
  process.kill(pid, 'SIGHUP')
}
