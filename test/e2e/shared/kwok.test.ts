/** A lab that `make kwok` has brought up: what it measures, and which account may read what. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { connect } from '../../../lib/kube/api-client.ts'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { readers } from '../../../lib/lab/kubeconfig.ts'
import { programPath } from '../../../lib/programs/programs.ts'
import {
  assertCredentialsWeak,
  assertOnLoopback,
  assertSecretsPrivate,
  assertTargetsUp,
  partCount,
} from '../../support/checks.ts'
import { assertSameWords, assertSays, waitFor, waitForAutoscaler } from '../../support/lab.ts'
import { assertMeasured, containerOf, fresh, namesOf, podOf, readCluster, SETTLED_MS } from '../../support/measured.ts'
import { NODES, openSharedLab, PODS, type SharedLab } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const kwok = suite<SharedLab>('make kwok')
kwok.before(async context => {
  Object.assign(context, await openSharedLab())
})

kwok('brings up nodes and pods, and prints what there is', async ({ lab, creation }) => {
  for (const { stdout } of creation.kwok) {
    assertSays(stdout, new RegExp(`is ready: ${NODES} nodes and \\d+ running pods, each with fresh metrics`))
    assertSays(stdout, new RegExp(`Prometheus +http://127\\.0\\.0\\.1:${lab.ports.prometheusPort}\\n`))
    assertSays(stdout, /\n {2}sum by \(k8s_node_name\).*\n {2}topk.*\n {2}sum by/)
    assertSays(stdout, /\nNext: make verify/)
  }
  const current = await lab.kubectl(['config', '--kubeconfig', lab.kubeconfig, 'current-context'])
  assert.equal(current.trim(), lab.context)
  await waitForAutoscaler(lab)
})

kwok('has a kubectl context that reaches the cluster', async ({ lab }) => {
  const args = [
    '--kubeconfig',
    lab.kubeconfig,
    '--cache-dir',
    join(lab.tempDir, 'test-cache'),
    'get',
    'nodes',
    '-o',
    'name',
  ]
  const { stdout } = spawnSync(await programPath('kubectl'), args, { encoding: 'utf8' })
  assert.equal(stdout.trim().split('\n').length, NODES)
})

kwok('measures each node and each running pod once, under the right node', async ({ lab }) => {
  await assertMeasured(lab, { nodes: NODES, labPods: PODS })
})

kwok('has workload and node names on every pod and container series', async ({ lab }) => {
  await waitFor('agreement of workload names', async () => {
    const { pods } = await readCluster(lab)
    const expectedPods = pods.map(pod => `${pod.key} ${pod.names}`)
    const expectedContainers = pods.flatMap(pod => pod.containers.map(name => `${pod.key}/${name} ${pod.names}`))
    for (const series of ['k8s_pod_cpu_time_seconds_total', 'k8s_pod_memory_working_set_bytes']) {
      const found = (await fresh(lab, series)).map(one => `${podOf(one)} ${namesOf(one.labels)}`)
      assertSameWords(found, expectedPods, series)
    }
    for (const series of ['container_cpu_time_seconds_total', 'container_memory_working_set_bytes']) {
      const found = (await fresh(lab, series)).map(one => `${containerOf(one)} ${namesOf(one.labels)}`)
      assertSameWords(found, expectedContainers, series)
    }
  })
})

kwok(
  'has plausible rates: a pod within its limit, a node at least its pods and at most its capacity',
  async ({ lab }) => {
    await waitFor(
      'plausible rates',
      async () => {
        const { nodes, pods } = await readCluster(lab)
        const podRates = new Map(
          (await lab.query('rate(k8s_pod_cpu_time_seconds_total[30s])')).map(sample => [podOf(sample), sample.value]),
        )
        const sums = new Map<string, number>()
        for (const { key, node, cpuLimit } of pods) {
          const rate = podRates.get(key)
          assert.ok(rate !== undefined && rate > 0, `${key} has the rate ${rate}`)
          // Stamps are taken a moment after the values.
          assert.ok(rate <= cpuLimit * 1.05, `${key} has the rate ${rate} over its limit ${cpuLimit}`)
          sums.set(node, (sums.get(node) ?? 0) + rate)
        }
        const nodeRates = await lab.query('rate(k8s_node_cpu_time_seconds_total[30s])')
        assert.equal(nodeRates.length, nodes.length)
        for (const { labels, value } of nodeRates) {
          const node = labels['k8s_node_name'] ?? ''
          assert.ok(value >= (sums.get(node) ?? 0) * 0.9, `${node} has the rate ${value}, its pods ${sums.get(node)}`)
          assert.ok(value <= 8, `${node} has the rate ${value} with 8 CPUs`)
        }
      },
      SETTLED_MS,
    )
  },
)

kwok('pods of the shop use the CPU that their annotations set', async ({ lab }) => {
  const expression =
    'avg by (k8s_deployment_name) (rate(k8s_pod_cpu_time_seconds_total{k8s_namespace_name="shop"}[30s]))'
  const annotated: Record<string, number> = { cart: 0.03, catalog: 0.08, checkout: 0.02, frontend: 0.05 }
  // Until the window is full the rate is lower.
  await waitFor('rates as annotated', async () => {
    const rates = (await lab.query(expression)).map(
      one => [one.labels['k8s_deployment_name'] ?? '', one.value] as const,
    )
    assertSameWords(
      rates.map(([name]) => name),
      Object.keys(annotated),
    )
    for (const [name, rate] of rates) {
      const expected = annotated[name] ?? 0
      assert.ok(Math.abs(rate - expected) <= expected * 0.1, `${name} uses ${rate}, its annotation has ${expected}`)
    }
  })
})

kwok('scrapes every part of the control plane: all targets are up', ({ lab }) => assertTargetsUp(lab, SETTLED_MS))

kwok('listens on 127.0.0.1 alone', async ({ lab }) => {
  assert.equal((await lab.partPids()).size, partCount(lab))
  await assertOnLoopback(lab)
})

kwok('keeps secrets private: keys in files of mode 0600, folders of mode 0700', ({ lab }) => assertSecretsPrivate(lab))

kwok('has no credential that can create objects, read secrets or reach a kubelet', ({ lab }) =>
  assertCredentialsWeak(lab),
)

kwok('gives each reader the rights it needs and no more', async ({ lab }) => {
  const may = async (reader: string, verb: string, what: string) => {
    const [kind = '', subresource = ''] = what.split('/')
    const [resource, group = ''] = kind.split('.')
    using client = await connect({ kubeconfig: join(lab.dir, 'kubeconfig', `${reader}.yaml`) })
    const spec = { resourceAttributes: { verb, group, resource, subresource } }
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec }
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const { status, body } = await client.request('POST', path, { body: review })
    assert.equal(status, 201)
    return fields(fields(body)['status'])['allowed']
  }
  for (const reader of readers) {
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['delete', 'pods'],
      ['patch', 'nodes'],
      ['create', 'serviceaccounts/token'],
    ] as const) {
      assert.equal(await may(reader, verb, resource), false, `${reader} ${verb} ${resource}`)
    }
  }
  for (const [reader, verb, resource, answer] of [
    ['collector', 'watch', 'pods', true],
    ['collector', 'list', 'deployments.apps', true],
    ['stats-proxy', 'watch', 'pods', true],
    ['metrics-server', 'watch', 'pods', true],
    ['metrics-server', 'list', 'services', false],
    ['traces', 'watch', 'services', true],
    ['traces', 'list', 'configmaps', false],
    ['page', 'list', 'resourcequotas', true],
    ['page', 'get', 'nodes/proxy', false],
    ['prometheus', 'list', 'pods', false],
  ] as const) {
    assert.equal(await may(reader, verb, resource), answer, `${reader} ${verb} ${resource}`)
  }
})

kwok('kwok-status reports all parts up, and the counts of the API', async ({ lab }) => {
  await waitFor('agreement of status and API', async () => {
    const { exitCode, stdout, stderr } = await lab.make(['kwok-status'])
    assert.equal(exitCode, 0, stdout + stderr)
    assert.equal(stdout.match(/^\S+ +up +/gm)?.length, partCount(lab))
    assert.doesNotMatch(stdout, /\bdown\b/)
    const all = items(fields(await lab.get('/api/v1/pods'))['items']).map(fields)
    const phases = new Map<string, number>()
    for (const pod of all) {
      const phase = text(fields(pod['status'])['phase']) ?? ''
      phases.set(phase, (phases.get(phase) ?? 0) + 1)
    }
    const [, total, said = '', own, others] =
      /^Pods +(\d+): (.*); (\d+) by kwok-pods, (\d+) others$/m.exec(stdout) ?? []
    const saidPhases = said.split(', ').map(part => part.split(' '))
    assert.deepEqual(
      Object.fromEntries(saidPhases.map(([count, phase]) => [phase, Number(count)])),
      Object.fromEntries(phases),
    )
    assert.deepEqual([Number(total), Number(own), Number(others)], [all.length, PODS, all.length - PODS])
    assertSays(stdout, new RegExp(`^Nodes +${NODES}$`, 'm'))
    assertSays(stdout, /^Series +\d{4,}$/m)
  })
})

kwok.run()
