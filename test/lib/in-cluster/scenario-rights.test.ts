/** The scenarios inside a cluster on a real kube-apiserver, with the rights, the policies and the namespaces of the chart, and without controllers and KWOK. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { UsageError } from '../../../lib/cli/errors.ts'
import { connect, type KubeClient } from '../../../lib/kube/api-client.ts'
import { fields } from '../../../lib/kube/json.ts'
import { kubeconfigPath, kubeconfigServer, writeContextKubeconfig } from '../../../lib/lab/kubeconfig.ts'
import { type Lab, projectDir } from '../../../lib/lab/lab.ts'
import { ensurePrograms } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import type { ScenarioRun } from '../../../lib/scenarios/scenario.ts'
import { connectForScenarios, scenarioCluster } from '../../../lib/scenarios/scenario-cluster.ts'
import { scenarios } from '../../../lib/scenarios/scenario-list.ts'
import { run } from '../../../lib/system/run.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { suite } from '../../support/suite.ts'
import { tempLab } from '../../support/temp-lab.ts'

const [NODE, POD, NAMESPACE] = ['sim-0000', 'sim-team-a/app', 'sim-team-a']
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const ADMISSION = '/apis/admissionregistration.k8s.io/v1'
/** The collections of the objects that are created, and what is before it in the path of one in a namespace. */
const collections: Readonly<Record<string, readonly [string, string]>> = {
  Namespace: ['/api/v1', 'namespaces'],
  ServiceAccount: ['/api/v1', 'serviceaccounts'],
  ClusterRole: [RBAC, 'clusterroles'],
  ClusterRoleBinding: [RBAC, 'clusterrolebindings'],
  Role: [RBAC, 'roles'],
  RoleBinding: [RBAC, 'rolebindings'],
  ValidatingAdmissionPolicy: [ADMISSION, 'validatingadmissionpolicies'],
  ValidatingAdmissionPolicyBinding: [ADMISSION, 'validatingadmissionpolicybindings'],
}

const tests = suite('scenarios with the rights of the chart')
let server: ApiServer
let client: KubeClient & Disposable
let lab: Lab

tests.before(async () => {
  server = await startApiServer()
  await server.create('/api/v1/namespaces', { metadata: { name: 'kube-otel-lab' } })
  const { helm } = await ensurePrograms(['helm'])
  const chart = join(projectDir, 'charts', 'kube-otel-lab')
  const args = ['template', 'kube-otel-lab', chart, '-n', 'kube-otel-lab', '--kube-version', versions.kubernetes]
  const objects = parseAllDocuments((await run(helm.path, args)).stdout).map(document => fields(document.toJS()))
  for (const object of objects) {
    const [group, plural] = collections[String(object['kind'])] ?? []
    if (group === undefined) continue
    const isWide = /^(Namespace|Cluster|Validating)/.test(String(object['kind']))
    const { namespace = 'kube-otel-lab' } = fields(object['metadata'])
    await server.create(`${group}/${isWide ? '' : `namespaces/${namespace}/`}${plural}`, object)
  }
  for (const name of [NODE, 'real']) {
    await server.create('/api/v1/nodes', { metadata: { name, labels: { 'kube-otel-lab/simulated': 'true' } } })
    const condition = { status: 'True', reason: 'R', lastTransitionTime: '2026-11-29T08:00:00Z' }
    const conditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map(type => ({ type, ...condition }))
    await put(`/api/v1/nodes/${name}/status`, { status: { allocatable: { cpu: '8', memory: '16Gi' }, conditions } })
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    await server.create(lease, { metadata: { name }, spec: { holderIdentity: 'kwok' } })
  }
  process.env['KUBECONFIG'] = server.kubeconfig('admin-token')
  lab = { ...tempLab(), kind: 'context', context: 'test' }
  await writeContextKubeconfig(lab)
  const kubeconfig = kubeconfigPath(lab, 'scenarios')
  assert.match(kubeconfigServer(kubeconfig), /^name: test\ncluster:\n {2}server: https:\/\/127\.0\.0\.1:\d+\n/)
  assert.equal(statSync(kubeconfig).mode & 0o777, 0o600)
  client = await connect({ kubeconfig })
  const right = { namespace: NAMESPACE, group: 'policy', resource: 'poddisruptionbudgets', verb: 'delete' }
  await server.waitForRight('system:serviceaccount:kube-otel-lab:scenarios', { resourceAttributes: right })
})
tests.after(async () => {
  client.close()
  await server.stop()
})
tests.before.each(async () => {
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
  const own = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const containers = [{ name: 'app', image: 'x', securityContext: own, resources: { requests: { cpu: '1' } } }]
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const spec = { nodeName: NODE, securityContext, containers, volumes }
  await server.create(`/api/v1/namespaces/${NAMESPACE}/pods`, { metadata: { name: 'app' }, spec })
  const state = { running: { startedAt: '2026-11-29T08:00:00Z' } }
  const status = { name: 'app', image: 'x', imageID: '', ready: true, restartCount: 0, state, lastState: {} }
  await put(`${podPath}/status`, { status: { phase: 'Running', containerStatuses: [status] } })
})
tests.after.each(() => deletePod())

const podPath = `/api/v1/namespaces/${POD.replace('/', '/pods/')}`

async function deletePod(): Promise<void> {
  await server.client.request('DELETE', podPath, { body: { gracePeriodSeconds: 0 } })
}

async function put(path: string, body: unknown, by: KubeClient = server.client): Promise<number> {
  const { status } = await by.request('PATCH', path, { body, contentType: 'application/merge-patch+json' })
  if (by === server.client) assert.equal(status, 200, path)
  return status
}

const fitting = scenarios.filter(each => scenarioCluster({ kind: 'context' } as Lab).exclusion(each) === undefined)
for (const scenario of fitting) {
  tests(`allow ${scenario.name}`, async () => {
    const target = { pod: POD, node: NODE, namespace: NAMESPACE }[String(scenario.target)] ?? ''
    // Some change after a time.
    const startMs = Date.now() - 40_000
    const given: ScenarioRun = {
      ...{ lab, client, name: scenario.name, target, startMs, untilMs: startMs + 600_000, saved: undefined },
      save(value) {
        given.saved = JSON.parse(JSON.stringify(value))
      },
    }
    await scenario.hold(given)
    const { collection, manifest } = fields(given.saved)
    if (manifest !== undefined && !/quotas|budgets/.test(String(collection))) {
      const { template } = fields(fields(manifest)['spec'])
      const path = `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`
      const { serviceAccountName: _, ...spec } = fields(fields(template)['spec'])
      const pod = { metadata: { generateName: 'x-' }, spec: { ...spec, nodeName: NODE } }
      const { status, body } = await server.client.request('POST', path, { body: pod })
      assert.equal(status, 201, `a pod of it: ${JSON.stringify(body)}`)
    }
    // As KWOK ends an evicted pod.
    if (scenario.name === 'node-drained') await deletePod()
    await scenario.undo(given)
  })
}

tests("refuse what is not the lab's", async () => {
  const metadata = { metadata: { annotations: { 'kube-otel-lab/scenario': 'x' } } }
  for (const path of ['/api/v1/nodes/real', '/api/v1/nodes/real/status']) {
    const { status, body } = await client.request('PATCH', path, {
      body: metadata,
      contentType: 'application/merge-patch+json',
    })
    assert.equal(status, 422)
    assert.match(String(fields(body)['message']), /the lab changes its simulated nodes only/)
  }
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  assert.equal(await put(`${leases}/real`, { spec: { holderIdentity: 'x' } }, client), 422)
  await server.create('/api/v1/namespaces/default/configmaps', { metadata: { name: 'theirs' } })
  for (const path of [
    '/api/v1/namespaces/default/configmaps/theirs',
    '/api/v1/namespaces/kube-otel-lab/serviceaccounts/scenarios',
    '/api/v1/namespaces/default',
  ])
    assert.equal(await put(path, metadata, client), 403, path)
  const quotas = '/api/v1/namespaces/default/resourcequotas'
  assert.equal((await client.request('POST', quotas, { body: { metadata: { name: 'x' } } })).status, 403)
})

tests('refuse a scenario that is longer than the tokens of the cluster are valid', async () => {
  await assert.rejects(connectForScenarios(lab, 26 * 3_600_000), (error: UsageError) => {
    assert.match(error.message, /could not be healed/)
    assert.match(error.next ?? '', /^set FOR to at most 14(90|89)m$/)
    return true
  })
})
tests.run()
