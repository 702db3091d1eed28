import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { readCluster } from '../../../../lib/checks/verify/cluster-snapshot.ts'
import { kwokUsage } from '../../../../lib/checks/verify/kwok-usage.ts'
import { projectDir } from '../../../../lib/lab/lab.ts'
import { CLUSTER, clusterObjects, fakeApi } from './cluster-fixture.ts'

const window = { untilMs: 1_800_000_000_000, lengthMs: 40_000, lateMs: 14_000 }
const path = '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages'

const usage = suite('kwokUsage()')
usage('comes from annotations where only the object of make kwok-metrics covers the namespace', async () => {
  const objects = clusterObjects()
  const [pod] = objects['/api/v1/pods'] as { metadata: { uid: string; namespace: string; annotations: object } }[]
  assert(pod !== undefined)
  pod.metadata.annotations = { 'kwok.x-k8s.io/usage-cpu': '300m' }
  const base = parse(readFileSync(join(projectDir, 'kwok-config', 'kwok-usage-default.yaml'), 'utf8'))
  const metadata = { ...base.metadata, uid: 'default' }
  const selector = { matchNamespaces: [pod.metadata.namespace] }
  const without = await readCluster(fakeApi({ ...objects, [path]: [] }), CLUSTER)
  const own = [...(kwokUsage(without, 'cpu', window).get(pod.metadata.uid)?.values() ?? [])]
  assert.deepEqual([...new Set(own.map(({ most }) => most))], [0])
  const item = { ...base, metadata, spec: { ...base.spec, selector } }
  const snapshot = await readCluster(fakeApi({ ...objects, [path]: [item] }), CLUSTER)
  const bounds = [...(kwokUsage(snapshot, 'cpu', window).get(pod.metadata.uid)?.values() ?? [])]
  assert(bounds.length > 0)
  for (const { least, most } of bounds) assert.deepEqual([least, most], [0.3, 0.3])
})
usage.run()
