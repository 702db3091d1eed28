/**
 * The lab inside the cluster of a real node: what a user types, and the laws that hold while shards come, go and are killed. Larger, by hand, on
 * a machine with nothing else to do:
 *
 *   IN_CLUSTER='300,3000,3,30000;otel' npx tsx test/run.ts long in-cluster
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fields, items, text } from '../../lib/kube/json.ts'
import { shardOf } from '../../lib/kubelet/shards/shard-owner.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { childrenOf, processInfos } from '../../lib/system/processes.ts'
import { type Ended, type RealNode, type RunningCommand, startRealNode } from '../e2e/real-node/node.ts'
import { realNodeProblem } from '../e2e/real-node/programs.ts'
import { labImages } from '../images/lab.ts'
import { assertSays, waitFor } from '../support/lab.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

/** Objects that come and go by themselves. */
const FLEETING = /^(event|lease|endpoint|node\.metrics|pod\.metrics|componentstatus)/
const NAMESPACE = 'kube-otel-lab'
const COMPONENTS = ['kwok', 'stats-proxy', 'collector', 'cluster-collector', 'kube-state-metrics', 'scenarios'] as const

/** The rights of each component, as docs/in-cluster.md has them: verb, resource, namespace (empty for all). */
const rights = {
  kwok: [
    'patch nodes/status',
    'patch pods/status in sim-team-a',
    'delete pods in sim-team-a',
    'update leases in kube-node-lease',
  ],
  'stats-proxy': ['patch nodes/status', 'list pods', 'create tokenreviews', 'create subjectaccessreviews'],
  collector: ['list nodes', 'list pods', 'get nodes/stats', 'get nodes/pods'],
  'cluster-collector': ['list pods', 'list events', 'list services'],
  'kube-state-metrics': ['list nodes', 'list pods in sim-team-a'],
  scenarios: [
    ...['list pods', 'patch nodes', 'patch nodes/status', 'patch leases in kube-node-lease'],
    ...['create pods in sim-team-a', 'patch pods/status in sim-team-a', 'create resourcequotas in sim-team-a'],
  ],
} as const
/** What no component may, unless it is above. */
const forbidden = [
  ...[
    'get nodes/proxy',
    'create pods/exec',
    'get secrets',
    'create pods',
    'delete pods',
    'delete nodes',
    'create nodes',
  ],
  ...['patch nodes', 'patch pods/status', 'update leases', 'create clusterroles'],
]

const problem = await realNodeProblem()
if (problem !== undefined) process.stdout.write(skipLine('real-node', problem))
const inCluster = suite('the lab inside a cluster')
const test = problem === undefined ? inCluster : inCluster.skip

/** Simulated nodes and pods, shards, the interval in milliseconds, and METRICS. */
const [size = '', METRICS = ''] = (process.env['IN_CLUSTER'] ?? '6,24,2,5000;both').split(';')
const [NODES = 0, PODS = 0, SHARDS = 0, INTERVAL_MS = 0] = size.split(',').map(Number)
const withBoth = METRICS === 'both' ? test : inCluster.skip
/** How long each change of the shards is watched. */
const WATCH_MS = 4 * INTERVAL_MS
let node: RealNode

inCluster.before(async () => {
  if (problem !== undefined) return
  const { kwok, lab, 'kube-state-metrics': kubeStateMetrics } = await labImages()
  node = await startRealNode([kwok, lab, kubeStateMetrics])
})
inCluster.after(() => node?.close())

/** A task with the node's cluster as KUBE_CONTEXT, on the node's network. */
async function task(name: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return await startTask(name, more).ended
}

function startTask(name: string, more: Readonly<Record<string, string>>): RunningCommand {
  const words = [join(projectDir, 'lib', 'cli', 'bundled.js'), join(projectDir, 'tasks', `${name}.ts`)]
  const env = {
    ...{ HOME: join(node.tempDir, 'home'), XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache') },
    ...{ KUBECONFIG: node.kubeconfig, KUBE_CONTEXT: node.context, NO_COLOR: '1' },
    ...{ YES: '1', NODE_COUNT: String(NODES), POD_COUNT: String(PODS), SHARDS: String(SHARDS) },
    ...{
      COLLECTION_INTERVAL: `${INTERVAL_MS}ms`,
      STORAGE_CLASS: 'test-volumes',
      CLUSTER_EVENTS: 'false',
      METRICS,
    },
    ...more,
  }
  return node.start(process.execPath, words, { env, limitMs: 1_200_000 })
}

/** The labels of the series of an instant query. */
async function query(expression: string, of = 'services/lgtm:9090'): Promise<Record<string, unknown>[]> {
  const path = `/api/v1/namespaces/otel-lab/${of}/proxy/api/v1/query?query=${encodeURIComponent(expression)}`
  const answer = fields(JSON.parse(await node.kubectl(['get', '--raw', path])))
  return items(fields(answer['data'])['result']).map(series => fields(fields(series)['metric']))
}

const kubectl = (...args: string[]) => node.kubectl(args)

/** A task that has to succeed; what it printed. */
async function done(name: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await task(name, more)
  assert.equal(exitCode, 0, `${name}: ${stderr}${stdout}`)
  return stdout
}

async function install(): Promise<string> {
  for (const step of ['dashboards', 'in-cluster-install', 'k3d-lgtm']) await done(step)
  return await done('in-cluster-nodes')
}

/** The lab's own folder of the node's context. */
const labDir = () => join(projectDir, '.lab', `context_${encodeURIComponent(node.context)}`)

let before: string[] = []

test('refuses a cluster that simulated nodes would change, with all reasons, and changes nothing', async () => {
  await makeVolumes(node, SHARDS + 1)
  await node.kubectl(['apply', '--validate=ignore', '-f', '-'], JSON.stringify(everywhere))
  before = await objects(node)
  const { exitCode, stderr } = await task('in-cluster-install')
  assert.equal(exitCode, 2)
  assertSays(
    stderr,
    /^Simulated nodes would change the cluster.*: default\/everywhere: this DaemonSet tolerates every taint/,
  )
  assertSays(stderr, /\n {2}Next: read docs\/in-cluster\.md, or accept it: ALLOW=default\/everywhere$/m)
  await kubectl('delete', 'daemonset', 'everywhere', '--cascade=foreground')
  before = await objects(node)
  const noClass = await task('in-cluster-install', { STORAGE_CLASS: 'auto' })
  assert.equal(noClass.exitCode, 2)
  assertSays(
    noClass.stderr,
    /^STORAGE_CLASS=auto is invalid: the cluster has no default StorageClass; it has test-volumes\n/,
  )
  const prefix = await task('in-cluster-install', { NODE_PREFIX: node.name.split('-')[0] ?? '' })
  assert.equal(prefix.exitCode, 2)
  assertSays(prefix.stderr, /^NODE_PREFIX=real is in use: real-\d+ is a node of this cluster\n/)
  assert.deepEqual(await objects(node), before)
})

test(`measures ${NODES} simulated nodes and ${PODS} pods by ${SHARDS} shards, each once under its own name`, async () => {
  assertSays(await install(), new RegExp(`^${NODES} simulated nodes and ${PODS} running pods are measured`))
  const names = (await simulatedNodes()).map(({ name }) => name)
  const nodesOf = async (metric: string) => (await query(metric)).map(labels => String(labels['k8s_node_name'])).sort()
  for (const metric of ['k8s_node_cpu_time_seconds_total', 'k8s_node_condition_ready']) {
    assert.deepEqual(await nodesOf(metric), names, metric)
  }
  // in-cluster-nodes does not wait for them. A stats proxy sends those of all its nodes once in an interval.
  const used = 'system_memory_usage_bytes{state="used"}'
  await waitFor('host metrics', async () => assert.deepEqual(await nodesOf(used), names), 2 * INTERVAL_MS + 10_000)
  const list = await kubectl('get', 'pods', '-A', '-l', 'app.kubernetes.io/name=load', '-o', 'json')
  const created = items(fields(JSON.parse(list))['items']).map(fields)
  assert.equal(created.length, PODS)
  // Those that in-cluster-nodes has deleted have samples for a while.
  await waitFor('series of the pods', async () => {
    const pods = (await query('k8s_pod_cpu_time_seconds_total')).map(labels => String(labels['k8s_pod_name']))
    assert.deepEqual(pods.sort(), created.map(({ metadata }) => fields(metadata)['name']).sort())
  })
  for (const { name, shard } of await simulatedNodes()) assert.equal(shard, shardOf(name, SHARDS), name)
  // They waited for nodes, and the first node has room for all.
  const most = Math.max(...names.map(name => created.filter(({ spec }) => fields(spec)['nodeName'] === name).length))
  assert(most <= Math.ceil((1.5 * PODS) / NODES), `a node has ${most} pods`)
  // Without settings it has those of before.
  const settings = [
    'NODE_COUNT',
    'POD_COUNT',
    'SHARDS',
    'COLLECTION_INTERVAL',
    'STORAGE_CLASS',
    'CLUSTER_EVENTS',
    'METRICS',
  ]
  const unset = Object.fromEntries(settings.map(name => [name, '']))
  assert.match(await done('in-cluster-install', unset), /release unchanged\n$/)
  // Of another cluster under this context it has none.
  const record = join(labDir(), 'lab.json')
  writeFileSync(record, readFileSync(record, 'utf8').replace(/"agreedCluster": ".*"/, '"agreedCluster": "another"'))
  const other = await task('in-cluster-install', unset)
  assert.equal(other.exitCode, 1)
  assertSays(other.stderr, /^The cluster of context "\S+" is another one than before: the settings and images /)
  assert.match(await done('in-cluster-install'), /release unchanged\n$/)
  const differs = await task('in-cluster-install', { STORAGE_CLASS: 'none' })
  assert.equal(differs.exitCode, 2)
  assertSays(differs.stderr, /^STORAGE_CLASS=none differs from what the lab was installed with: .*=test-volumes\n/)
  const { exitCode, stderr } = await task('in-cluster-install', { POD_COUNT: String(110 * NODES + 1) })
  assert.equal(exitCode, 2)
  assertSays(
    stderr,
    new RegExp(`^${110 * NODES + 1} pods do not fit on NODE_COUNT=${NODES}: .* 110 pods\n {2}Next: set `),
  )
})

test('keeps its nodes when an interrupted upgrade is repeated', async () => {
  const uids = async () => await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.uid}')
  const pending = 'owner=helm,status=pending-upgrade'
  const upgrades = async () => await kubectl('get', 'secrets', '-n', NAMESPACE, '-l', pending, '-o', 'name')
  const before = await uids()
  const { child, ended } = startTask('in-cluster-install', { POD_COUNT: String(PODS + 4) })
  await waitFor('the upgrade', async () => {
    assert.notEqual(await upgrades(), '', 'it has not begun')
  })
  for (const pid of [...(await childrenOf(child.pid ?? 0)), child.pid ?? 0]) process.kill(pid, 'SIGKILL')
  await ended
  assert.notEqual(await upgrades(), '', 'the upgrade has ended')
  assertSays(await install(), new RegExp(`^${NODES} simulated nodes and ${PODS} running pods are measured`))
  assert.equal(await uids(), before)
})

withBoth('has the metrics of kube-prometheus of simulated nodes and pods, each once, and of no other', async () => {
  const names = (await simulatedNodes()).map(({ name }) => name)
  const namespaces = ['sim-team-a', 'sim-team-b', 'sim-team-c', 'sim-team-d']
  const all = items(fields(JSON.parse(await kubectl('get', 'pods', '-A', '-o', 'json')))['items'])
  const pods = all
    .map(pod => fields(fields(pod)['metadata']))
    .filter(({ namespace }) => namespaces.includes(String(namespace)))
    .map(({ namespace, name }) => `${namespace}/${name}`)
  assert.equal(pods.length, PODS)
  const found = async (expression: string, ...labels: string[]) =>
    (await query(expression)).map(series => labels.map(label => series[label]).join('/')).sort()
  // in-cluster-nodes does not wait for every job.
  const check = async () => {
    assert.deepEqual(await found('kube_node_info', 'node'), names)
    assert.deepEqual(await found('node_uname_info', 'nodename'), names)
    assert.deepEqual(await found('kubelet_running_pods', 'node'), names)
    assert.deepEqual(await found('container_cpu_usage_seconds_total{id="/"}', 'node'), names)
    assert.deepEqual(await found('kube_pod_info', 'namespace', 'pod'), pods.sort())
    assert.deepEqual(await found('kube_namespace_created', 'namespace'), namespaces)
    // Four paths of each kubelet, its node exporter, and four ports of each kube-state-metrics.
    assert.equal((await query(`up{cluster="${node.context}"} == 1`)).length, 5 * NODES + 4 * SHARDS)
    assert.deepEqual(await query('up == 0'), [])
    assert.deepEqual(await query('prometheus_target_scrapes_sample_duplicate_timestamp_total > 0'), [])
  }
  await waitFor('all targets', check, 2 * INTERVAL_MS + 40_000)
})

withBoth('gives a Prometheus the scrape jobs of one shard', async () => {
  const data = 'jsonpath={.data.scrape-configs\\.yaml}'
  const jobs = await kubectl('get', 'configmap', 'scrape-configs-0', '-n', NAMESPACE, '-o', data)
  // Another one in LGTM's pod, which has the rights.
  const config = JSON.stringify(`global: { scrape_interval: ${INTERVAL_MS}ms }\n${jobs}`)
  const flags = ['--config.file=/tmp/shard.yaml', '--storage.tsdb.path=/tmp/shard', '--web.listen-address=:19090']
  const inPod = async (script: string) =>
    await kubectl('exec', '-n', 'otel-lab', 'deployment/lgtm', '--', '/usr/local/bin/node', '--eval', script)
  const pid = await inPod(`require('fs').writeFileSync('/tmp/shard.yaml', ${config})
    const options = { detached: true, stdio: 'ignore' }
    const child = require('child_process').spawn('/otel-lgtm/prometheus/prometheus', ${JSON.stringify(flags)}, options)
    child.unref()
    console.log(child.pid)`)
  const words = ['-l', 'app.kubernetes.io/instance=lgtm', '-o', 'jsonpath={.items[0].metadata.name}']
  const path = `pods/${await kubectl('get', 'pods', '-n', 'otel-lab', ...words)}:19090`
  const served = (await simulatedNodes()).filter(({ shard }) => shard === 0).map(({ name }) => name)
  const check = async () => {
    const ofShard = await query('kube_pod_info', path)
    const [instance] = ofShard.map(labels => labels['instance'])
    assert(ofShard.length > 0 && ofShard.every(labels => labels['instance'] === instance), JSON.stringify(ofShard))
    assert.equal((await query(`kube_pod_info{instance="${instance}"}`)).length, ofShard.length)
    for (const [metric, label] of [
      ['node_uname_info', 'nodename'],
      ['kubelet_running_pods', 'node'],
    ] as const) {
      assert.deepEqual((await query(metric, path)).map(labels => labels[label]).sort(), served, metric)
    }
    assert.equal((await query('up == 1', path)).length, 5 * served.length + 4)
  }
  await waitFor('all targets of the shard', check, 2 * INTERVAL_MS + 40_000)
  await inPod(`process.kill(${Number(pid)})`)
})

test('gives each component the rights it needs and no more', async () => {
  const components = COMPONENTS.filter(name => METRICS === 'both' || name !== 'kube-state-metrics')
  const wanted = components.flatMap(component => [
    ...rights[component].map(right => ({ component, right, isAllowed: true })),
    ...forbidden
      .filter(right => !rights[component].some(each => each === right))
      .map(right => ({ component, right, isAllowed: false })),
  ])
  const reviews = wanted.map(({ component, right }) => review(component, right))
  const list = { apiVersion: 'v1', kind: 'List', items: reviews }
  const words = ['create', '--validate=ignore', '-f', '-', '-o', 'jsonpath={.status.allowed}{"\\n"}']
  const found = (await node.kubectl(words, JSON.stringify(list))).split('\n').map(line => line === 'true')
  assert.deepEqual(
    wanted.map((each, index) => ({ ...each, isAllowed: found[index] })),
    wanted,
  )
  // RBAC does not know simulated nodes and their leases from others: a policy does.
  const lease = {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    metadata: { name: `${node.name}-other`, namespace: 'kube-node-lease' },
  }
  const as = ['--as', `system:serviceaccount:${NAMESPACE}:kwok`]
  const real = await refusal('create', '--validate=ignore', '-f', JSON.stringify(lease), ...as)
  assertSays(real, /the lab changes its simulated nodes only/)
})

test('keeps pods of others off simulated nodes, and its own off real ones', async () => {
  const named = (namespace: string, nodeName: string) => JSON.stringify(podOn(namespace, { nodeName }))
  for (const [namespace, nodeName] of [
    ['default', 'sim-0000'],
    ['sim-team-a', node.name],
  ] as const) {
    const refused = await refusal('create', '--validate=ignore', '-f', named(namespace, nodeName))
    assertSays(refused, /pods of the lab's namespaces run on its simulated nodes, and no other pods do/)
  }
  // One that tolerates everything and selects the nodes: the scheduler chooses one, and its binding is refused.
  const selector = { nodeSelector: { 'kube-otel-lab/simulated': 'true' }, tolerations: [{ operator: 'Exists' }] }
  await node.kubectl(['create', '--validate=ignore', '-f', '-'], JSON.stringify(podOn('default', selector)))
  await waitFor('refused binding', async () =>
    assertSays(
      await kubectl('get', 'events', '-n', 'default', '-o', 'jsonpath={.items[*].message}'),
      /no other pods do/,
    ),
  )
  assert.equal(await kubectl('get', 'pod', 'lost', '-n', 'default', '-o', 'jsonpath={.spec.nodeName}'), '')
  await kubectl('delete', 'pod', 'lost', '-n', 'default', '--wait')
})

test('passes verify', async () => {
  const { exitCode, stdout, stderr } = await task('verify')
  assert.equal(exitCode, 0, stdout + stderr)
  assert(Number(/, (\d+) of them compared/.exec(stdout)?.[1]) > 100, stdout)
  if (METRICS === 'both') assertSays(stdout, /^kube-prometheus metrics +\d.* ok$/m)
})

test('makes a simulated pod and nodes fail and heals them, and passes verify meanwhile', async () => {
  const [first = ''] = (await kubectl('get', 'pods', '-n', 'sim-team-a', '-o', 'name')).split('\n')
  const pod = first.replace('pod/', 'sim-team-a/')
  const [unready = '', silent = ''] = (await simulatedNodes()).map(({ name }) => name)
  for (const [scenario, target, why] of [
    ['node-not-ready', node.name, "this node is not the lab's"],
    ['quota-full', 'kube-system', "this namespace is not the lab's"],
    ['collector-down', 'auto', "inside a cluster the control plane is not the lab's"],
    ['cpu-throttling', pod, 'inside a cluster the lab has no ResourceUsage objects'],
  ] as const) {
    const { exitCode, stderr } = await task('kwok-scenario', { SCENARIO: scenario, TARGET: target })
    assert.equal(exitCode, 2, stderr)
    assert(stderr.includes(why), stderr)
  }
  assertSays(await done('kwok-heal'), /^No scenario to heal\n$/)
  const chosen = [
    ['crash-loop', pod],
    ['node-not-ready', unready],
    ['node-scrapes-refused', silent],
  ] as const
  for (const [scenario, target] of chosen) {
    await done('kwok-scenario', { SCENARIO: scenario, TARGET: target, FOR: '60m' })
  }
  const holder = readHolder()
  const kubeconfig = join(labDir(), 'kubeconfig', 'scenarios.yaml')
  assert.equal(statSync(kubeconfig).mode & 0o777, 0o600)
  const who = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}', '--kubeconfig', kubeconfig]
  assert.equal(await kubectl(...who), `system:serviceaccount:${NAMESPACE}:scenarios`)
  const status = await done('k3d-status')
  for (const [scenario, target] of chosen) {
    assertSays(status, new RegExp(`^Scenario  ${scenario} on ${target}: until `, 'm'))
  }
  const { exitCode, stdout, stderr } = await task('verify')
  assert.equal(exitCode, 0, stdout + stderr)
  assert.equal(await readiness(unready), 'False')
  assert.equal(await readiness(silent), 'True')
  const restarted = `k8s_container_restarts{k8s_pod_name="${pod.split('/')[1]}"} > 1`
  assert.equal((await query(restarted)).length, 1, 'the container that restarts')
  const cpuTime = 'k8s_node_cpu_time_seconds_total'
  assert.equal((await query(cpuTime)).length, NODES - 1, 'the node whose kubelet refuses connections has no series')
  assertSays(await done('kwok-heal'), /^Healed crash-loop, node-not-ready, node-scrapes-refused\n$/)
  assert.equal(await readiness(unready), 'True')
  const left = await kubectl('get', 'pods,nodes', '-A', '-o', 'jsonpath={.items[*].metadata.annotations}')
  assert(!left.includes('kube-otel-lab/scenario'), left)
  assert.equal((await processInfos([holder])).size, 0, 'the holder runs')
})

test('proves alerts, and removes its copy of them', async () => {
  const stdout = await done('verify-alerts', {
    SCENARIOS: 'quota-full,pod-pending,node-unreachable,node-evictions,hpa-maxed',
  })
  for (const row of [
    /^quota-full +sim-team-\S+ +KubeQuotaNearlyFull +lab .* ok$/m,
    /^pod-pending +sim-team-\S+ +KubePodStuckPending +lab .* ok$/m,
    /^node-unreachable +sim-\S+ +KubeNodeNotReady +lab .* ok$/m,
    /^node-evictions +sim-\S+ +KubePodFailed +lab .* ok$/m,
    /^Not tried: hpa-maxed: inside a cluster autoscalers have no metrics of simulated pods$/m,
  ]) {
    assertSays(stdout, row)
  }
  const rules = await kubectl('get', 'configmap', 'lgtm-rules', '-n', 'otel-lab', '-o', 'jsonpath={.data}')
  assert(!rules.includes('verify-alerts'))
})

test('hands nodes over to an added shard and from a removed one, and keeps those of a killed one: laws', async () => {
  await keepsLaws(async () => {
    await done('in-cluster-install', { SHARDS: String(SHARDS + 1) })
    await settled(SHARDS + 1)
    await churn()
  })
  const ofKilled = (await simulatedNodes()).filter(({ shard }) => shard === 0).map(({ name }) => name)
  await keepsLaws(async () => {
    const killedMs = Date.now()
    const pod = ['pod', 'stats-proxy-0', '-n', NAMESPACE]
    await kubectl('delete', ...pod, '--grace-period=0', '--force', '--wait=false')
    await churn()
    await waitFor('restart of the shard', async () => {
      const path = '{.metadata.creationTimestamp} {.status.conditions[?(@.type=="Ready")].status}'
      const found = await kubectl('get', ...pod, '-o', `jsonpath=${path}`)
      const [created = '', ready] = found.split(' ')
      assert(ready === 'True' && Date.parse(created) >= killedMs - 1_000, found)
    })
    // How long a pod takes to start is the machine's doing.
    return Date.now() - killedMs
  }, ofKilled)
  await keepsLaws(async () => {
    await done('in-cluster-install')
    await settled(SHARDS)
  })
})

test('reports its parts, and one that cannot run', async () => {
  const status = await done('k3d-status')
  for (const part of ['stats-proxy', ...(METRICS === 'both' ? ['kube-state-metrics'] : [])]) {
    assertSays(status, new RegExp(`^${part} +ready +${SHARDS}/${SHARDS} +-$`, 'm'))
  }
  await done('in-cluster-install', { METRICS: 'otel' })
  await done('k3d-lgtm', { METRICS: 'otel' })
  const all = await objects(node)
  assert.deepEqual(
    all.filter(object => /kube-state-metrics|scrape-configs|kube-otel-lab-prometheus/.test(object)),
    [],
  )
  assert.doesNotMatch(
    await kubectl('get', 'configmap', 'lgtm-prometheus', '-n', 'otel-lab', '-o', 'yaml'),
    /node-exporter/,
  )
  await kubectl('scale', 'deployment', 'kwok', '-n', NAMESPACE, '--replicas=0')
  const { exitCode, stdout } = await task('k3d-status')
  assert.equal(exitCode, 1, stdout)
  assertSays(stdout, /^kwok +missing +0\/0 /m)
})

test('removes exactly what it created, also without KWOK to end the pods, and when it runs again', async () => {
  await done('kwok-scenario', { SCENARIO: 'quota-full', FOR: '1440m' })
  const holder = readHolder()
  assertSays(await done('in-cluster-down'), /^The lab is removed from context "\S+"\n$/)
  assert.equal((await processInfos([holder])).size, 0, 'the holder of scenarios runs')
  await done('k3d-down')
  assert.deepEqual(await objects(node), before)
  assertSays(await done('in-cluster-down'), /^The lab has installed nothing inside the cluster/)
})
inCluster.run()

async function simulatedNodes() {
  const list = JSON.parse(await kubectl('get', 'nodes', '-l', 'kube-otel-lab/simulated=true', '-o', 'json'))
  const nodes = items(fields(list)['items']).map(fields)
  return nodes
    .map(({ metadata, status }) => {
      const address = items(fields(status)['addresses'])
        .map(fields)
        .find(({ type }) => type === 'InternalDNS')
      const shard = /^stats-proxy-(\d+)\./.exec(text(address?.['address']) ?? '')?.[1]
      return { name: String(fields(metadata)['name']), shard: shard === undefined ? undefined : Number(shard) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function readiness(name: string): Promise<string> {
  return await kubectl('get', 'node', name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
}

/** The process of the supervisor of the holder of scenarios. */
function readHolder(): number {
  return Number(fields(JSON.parse(readFileSync(join(labDir(), 'pids', 'scenarios.json'), 'utf8')))['pid'])
}

async function settled(shards: number) {
  await waitFor(
    `nodes at ${shards} shards`,
    async () => {
      const others = (await simulatedNodes()).filter(({ name, shard }) => shard !== shardOf(name, shards))
      assert.deepEqual(others, [], 'nodes at other shards')
    },
    120_000,
  )
}

/** Deletes some pods, which their Deployments replace. */
async function churn() {
  const pods = (await kubectl('get', 'pods', '-n', 'sim-team-a', '-o', 'name')).split('\n').slice(0, 3)
  await kubectl('delete', '-n', 'sim-team-a', '--wait=false', ...pods.filter(name => name !== ''))
}

/**
 * Makes a change, watches for a time, and checks all of it: no counter falls, no node is measured twice, and none is missing for more than
 * two intervals, or one and a half if it stays at its shard; those of a killed shard (`change` gives for how long it was away) for as much
 * longer.
 */
async function keepsLaws(change: () => Promise<number | void>, ofKilled: readonly string[] = []) {
  const before = new Map((await simulatedNodes()).map(({ name, shard }) => [name, shard]))
  const startedMs = Date.now()
  const downMs = (await change()) ?? 0
  await sleep(WATCH_MS)
  const lengthMs = Date.now() - startedMs
  const range = `${Math.ceil(lengthMs / 1_000)}s`
  for (const metric of [
    'k8s_node_cpu_time_seconds_total',
    'k8s_pod_cpu_time_seconds_total',
    'k8s_node_network_io_bytes_total',
    'system_cpu_time_seconds_total',
  ]) {
    assert.deepEqual(await query(`resets(${metric}[${range}]) > 0`), [], `${metric} falls`)
  }
  const namesOf = async (expression: string) =>
    (await query(expression)).map(labels => String(labels['k8s_node_name'])).sort()
  const nodes = 'k8s_node_cpu_time_seconds_total'
  const missing = (mostMs: number) =>
    namesOf(`max_over_time((time() - timestamp(${nodes}))[${range}:1s]) > ${mostMs / 1_000}`)
  const late = (await missing(2 * INTERVAL_MS)).filter(name => !ofKilled.includes(name))
  assert.deepEqual(late, [], 'nodes that are not measured for two intervals')
  const after = await simulatedNodes()
  const moved = new Set(after.filter(({ name, shard }) => shard !== before.get(name)).map(({ name }) => name))
  const disturbed = (await missing(1.5 * INTERVAL_MS)).filter(name => !ofKilled.includes(name) && !moved.has(name))
  assert.deepEqual(disturbed, [], 'nodes that stay at their shard and miss a measurement')
  assert.deepEqual(await missing(2 * INTERVAL_MS + downMs), [], 'nodes that a killed shard loses for longer')
  // A collector measures a node soon after its address changes.
  const samples = Math.ceil(lengthMs / INTERVAL_MS) + 3
  assert.deepEqual(
    await namesOf(`count_over_time(${nodes}[${range}]) > ${samples}`),
    [],
    'nodes that are measured twice',
  )
  assert.deepEqual(
    await namesOf(nodes),
    after.map(({ name }) => name),
  )
}

/** What the API server says to a command that it must refuse. */
async function refusal(...args: string[]): Promise<string> {
  const file = args.indexOf('-f')
  const input = file === -1 ? undefined : args[file + 1]
  const words = file === -1 ? args : [...args.slice(0, file), '-f', '-', ...args.slice(file + 2)]
  return await node.kubectl(words, input).then(
    answer => assert.fail(`not refused: ${answer}`),
    (error: Error) => error.message,
  )
}

/** The question whether a service account of the lab has a right: verb, resource, and namespace unless it is all. */
function review(account: string, right: string): unknown {
  const [, verb = '', whole = '', namespace] = /^(\S+) (\S+)(?: in (\S+))?$/.exec(right) ?? []
  const [resource = '', subresource] = whole.split('/')
  const groups: Record<string, string> = {
    ...{
      leases: 'coordination.k8s.io',
      tokenreviews: 'authentication.k8s.io',
      subjectaccessreviews: 'authorization.k8s.io',
    },
    clusterroles: 'rbac.authorization.k8s.io',
  }
  const resourceAttributes = { verb, group: groups[resource] ?? '', resource, subresource, namespace }
  const spec = { user: `system:serviceaccount:${NAMESPACE}:${account}`, resourceAttributes }
  return { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
}

/** A DaemonSet that runs on every node. */
const everywhere = {
  ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'everywhere', namespace: 'default' } },
  spec: {
    selector: { matchLabels: { app: 'everywhere' } },
    template: {
      metadata: { labels: { app: 'everywhere' } },
      spec: {
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name: 'app', image: 'docker.io/library/none:1', imagePullPolicy: 'Never' }],
      },
    },
  },
}

function podOn(namespace: string, spec: object): unknown {
  const securityContext = { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } }
  const own = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const containers = [
    { name: 'app', image: 'docker.io/library/none:1', imagePullPolicy: 'Never', securityContext: own },
  ]
  const metadata = { name: 'lost', namespace }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { automountServiceAccountToken: false, securityContext, containers, ...spec },
  }
}

/** A StatefulSet's volumes, as no provisioner is there: folders of this machine. */
async function makeVolumes(node: RealNode, count: number): Promise<void> {
  const storageClassName = 'test-volumes'
  const volumes = Array.from({ length: count }, (_, index) => {
    const path = join(node.tempDir, `volume-${index}`)
    mkdirSync(path, { recursive: true })
    // Kubernetes sets no group on a folder of the node.
    chmodSync(path, 0o777)
    return {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `volume-${index}` } },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName, hostPath: { path } },
    }
  })
  const storageClass = {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: storageClassName } },
    provisioner: 'kubernetes.io/no-provisioner',
  }
  const list = { apiVersion: 'v1', kind: 'List', items: [storageClass, ...volumes] }
  await node.kubectl(['apply', '--validate=ignore', '-f', '-'], JSON.stringify(list))
}

/** The names of all objects of a cluster that stay by themselves. */
async function objects(node: RealNode): Promise<string[]> {
  const kinds = (await node.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).split('\n')
  const lasting = kinds.filter(kind => kind !== '' && !FLEETING.test(kind))
  const columns = 'custom-columns=KIND:.kind,NS:.metadata.namespace,NAME:.metadata.name'
  const rows = await node.kubectl(['get', lasting.join(), '-A', '-o', columns, '--no-headers', '--ignore-not-found'])
  return rows
    .split('\n')
    .map(row => row.replace(/ +/g, ' ').trim())
    .filter(row => row !== '')
    .sort()
}
