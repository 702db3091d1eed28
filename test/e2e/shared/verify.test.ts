/** The dashboards on a live lab: right, then with a collector that names one node for all pods. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { clusterTruth } from '../../../lib/checks/verify/lab-truth.ts'
import type { ClusterState } from '../../../lib/checks/verify/pass-criteria.ts'
import { connect } from '../../../lib/kube/api-client.ts'
import { fields, items } from '../../../lib/kube/json.ts'
import { createPrometheusApi } from '../../../lib/prometheus/prometheus-client.ts'
import { assertCatalogIsLive } from '../../support/catalog.ts'
import { assertDone, assertSameWords, assertSays, createTestLab, type TestLab, waitFor } from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'

const verify = suite<{ lab: TestLab }>('make verify')
verify.before(async context => {
  context.lab = await createTestLab('verify', { COLLECTION_INTERVAL: '5s' })
  assertDone(await context.lab.make(['kwok', 'NODE_COUNT=4', 'POD_COUNT=30']))
})
verify.after(({ lab }) => lab?.cleanUp())

verify('and the report wait right after make kwok until there is enough to verify', async ({ lab }) => {
  const { exitCode, stdout } = await lab.task('report', ['--out', join(lab.tempDir, 'report.html')])
  assertSays(stdout, /verify: 0 failed$/m)
  assert.equal(exitCode, 0)
})

verify('passes, and compares hundreds of numbers', async ({ lab }) => {
  const file = join(lab.tempDir, 'report.json')
  assertDone(await lab.task('verify', ['--json', file]))
  const report = fields(JSON.parse(readFileSync(file, 'utf8')))
  assert.deepEqual(report['failures'], [])
  const compared = items(report['dashboards']).reduce<number>((sum, each) => sum + Number(fields(each)['compared']), 0)
  assert(compared >= 300, `${compared} compared`)
})

verify('finds a lab without alerts, waiting or firing', async ({ lab }) => {
  const url = `http://127.0.0.1:${lab.ports.prometheusPort}`
  const { alerts } = createPrometheusApi(url)
  // One that waits may be gone with the next evaluation.
  await waitFor('alert that goes away', async () => assert.deepEqual(await alerts(), []))
})

verify('finds in Prometheus what the catalogue of metrics says, and nothing else', async ({ lab }) => {
  await assertCatalogIsLive(`http://127.0.0.1:${lab.ports.prometheusPort}`)
})

verify('counts pods that come and go', async ({ lab }) => {
  // One that no autoscaler holds.
  await lab.kubectl(['-n', 'shop', 'scale', 'deployment', 'catalog', '--replicas=9'])
  await lab.kubectl(['-n', 'data', 'delete', 'pod', '--all', '--wait=false'])
  assertDone(await lab.task('verify'))
})

verify('knows how the cluster was before pods were deleted', async ({ lab }) => {
  const client = await connect({ kubeconfig: lab.kubeconfig, context: lab.context })
  try {
    const api = createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`)
    const truth = clusterTruth(client, { clusterName: lab.name, preset: 'steady', windowMs: 20_000, api })
    const uids = async (state: ClusterState | undefined) =>
      state?.snapshot.pods.filter(({ namespace }) => namespace === 'data').map(({ uid }) => uid)
    const was = (await uids(await truth.read())) ?? []
    assert(was.length > 0)
    // The revision of a time is the one of the last scrape before it.
    await sleep(6_000)
    const beforeMs = Date.now()
    await lab.kubectl(['-n', 'data', 'delete', 'pod', '--all', '--wait=false'])
    await waitFor('other pods', async () => {
      const now = (await uids(await truth.read())) ?? []
      assert(now.length > 0 && !now.some(uid => was.includes(uid)))
    })
    assertSameWords((await uids(await truth.readAt?.(beforeMs))) ?? [], was, 'pods before')
    assert.equal(await truth.readAt?.(beforeMs - 86_400_000), undefined)
  } finally {
    client.close()
  }
})

verify('finds a collector that names one node for all pods', async ({ lab }) => {
  const path = join(lab.dir, 'config', 'otelcol.yaml')
  const config = fields(parse(readFileSync(path, 'utf8')))
  const pipelines = fields(fields(config['service'])['pipelines'])
  const kubernetes = fields(pipelines['metrics/kubernetes'])
  const wrong = { attributes: [{ key: 'k8s.node.name', action: 'upsert', value: 'kwok-node-0001' }] }
  config['processors'] = { ...fields(config['processors']), 'resource/wrong': wrong }
  kubernetes['processors'] = [...items(kubernetes['processors']), 'resource/wrong']
  writeFileSync(path, stringify(config, { aliasDuplicateObjects: false }))
  const pid = (await lab.partPids()).get('collector')
  assert(pid !== undefined)
  process.kill(pid, 'SIGHUP')
  const all = 'count(group by (k8s_node_name) (timestamp(k8s_pod_cpu_time_seconds_total) > time() - 15))'
  await waitFor('pods on one node', async () => assert.equal((await lab.query(all))[0]?.value, 1))
  const { exitCode, stdout } = await lab.task('verify')
  assert.equal(exitCode, 1)
  assertSays(stdout, /FAILED Pods' series \/ node of each pod: wrong node\n/)
  assertSays(stdout, /got +pod \S+, \d+ series: k8s_node_name=kwok-node-0001; and \d+ more pods\n/)
  assertSays(stdout, /FAILED .*Node \(Pods\).*: wrong number/)
})
verify.run()
