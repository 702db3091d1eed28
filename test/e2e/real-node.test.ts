/**
 * LGTM and the collectors on a real node: a cluster of a real control plane, kubelet, container runtime and kube-proxy, made here, on
 * which all that `make k3d` does after `k3d cluster create` is done as to any cluster of a user's.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { fields, items } from '../../lib/kube/json.ts'
import { openLab, projectDir } from '../../lib/lab.ts'
import { waitFor } from '../support/lab.ts'
import { type Ended, type RealNode, startRealNode } from './real-node/node.ts'
import { whyNoNode } from './real-node/programs.ts'

const why = whyNoNode()
const real = suite(`on a real node${why === undefined ? '' : ` (skipped: ${why})`}`)
const onNode = why === undefined ? real : real.skip
if (why !== undefined) process.stderr.write(`No real node can be started: ${why}\n`)

let node: RealNode
const chart = join(projectDir, 'test', 'e2e', 'real-node', 'chart')

/** A task with the node's cluster as KUBE_CONTEXT, on the node's network. */
async function task(name: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const tsx = ['--import', import.meta.resolve('tsx')]
  return await node.run(process.execPath, [...tsx, join(projectDir, 'tasks', `${name}.ts`)], {
    env: { ...own(), ...env },
  })
}

function own(): Record<string, string> {
  return {
    HOME: join(node.tempDir, 'home'),
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    KUBECONFIG: node.kubeconfig,
    KUBE_CONTEXT: node.context,
    OTEL_CHART: chart,
    NO_COLOR: '1',
  }
}

/** A task that has to succeed; what it printed. */
async function done(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await task(name, env)
  assert.equal(exitCode, 0, `${name}: ${stderr}${stdout}`)
  return stdout
}

/** Where this clone keeps what it knows of that cluster. */
function labDir(): string {
  return openLab({ flags: { kubeContext: node.context }, env: {}, kind: 'context' }).dir
}

async function names(kind: string, ...more: string[]): Promise<string[]> {
  const out = await node.kubectl(['get', kind, '-o', 'name', ...more])
  return out.split('\n').filter(line => line !== '')
}

/** The chart with a Deployment that the API server refuses, once Helm has begun. */
function brokenChart(): string {
  const broken = join(node.tempDir, 'broken-chart')
  cpSync(chart, broken, { recursive: true })
  const file = join(broken, 'templates', 'collector.yaml')
  const whole = readFileSync(file, 'utf8')
  const selector = 'matchLabels:\n      app.kubernetes.io/instance: '
  assert(whole.includes(selector))
  writeFileSync(file, whole.replace(selector, `${selector}not-`))
  return broken
}

/** One instant query, by the API server's way to the Service. */
async function query(expression: string): Promise<Record<string, unknown>[]> {
  const path = `/api/v1/namespaces/otel-lab/services/lgtm:9090/proxy/api/v1/query?query=${encodeURIComponent(expression)}`
  const answer = fields(JSON.parse(await node.kubectl(['get', '--raw', path])))
  return items(fields(answer['data'])['result']).map(series => fields(fields(series)['metric']))
}

real.before(async () => {
  if (why === undefined) node = await startRealNode()
})
real.after(async () => {
  if (node === undefined) return
  rmSync(labDir(), { recursive: true, force: true })
  await node.close()
})

onNode(
  'asks before it changes a cluster that it did not make, and changes nothing when there is nobody to ask',
  async () => {
    const { exitCode, stdout, stderr } = await task('k3d-lgtm')
    assert.deepEqual([exitCode, stdout], [2, ''])
    assert.match(
      stderr,
      /^The lab did not make the cluster of context "\S+": .*namespace otel-lab.*\n {2}Next: add YES=1/,
    )
    assert.deepEqual(await names('namespace', '--field-selector', 'metadata.name=otel-lab'), [])
  },
)

onNode(
  'installs LGTM and the collectors, also after Helm has failed, and ends when the node, its pods and containers are measured',
  async () => {
    await node.kubectl(['apply', '-f', join(projectDir, 'k3d-config', 'demo.yaml')])
    assert.match(
      await done('k3d-lgtm', { YES: '1' }),
      /^LGTM runs in namespace otel-lab of context "\S+": \d+ objects changed\n$/,
    )
    const { exitCode, stderr } = await task('k3d-collectors', { OTEL_CHART: brokenChart() })
    assert.equal(exitCode, 1)
    assert.match(stderr, /Helm could not install otel-lab-deployment: .*selector.*\n {2}Next: mend what Helm says/)
    assert.match(await done('k3d-collectors'), /^1 nodes and \d+ running pods are measured: 2 releases changed\n$/)
    for (const series of [
      'k8s_node_cpu_time_seconds_total',
      'k8s_pod_cpu_time_seconds_total',
      'container_cpu_time_seconds_total',
    ]) {
      const found = await query(series)
      assert.notDeepEqual(found, [], series)
      for (const labels of found) {
        assert.deepEqual(
          [labels['k8s_node_name'], labels['k8s_cluster_name']],
          [node.name, node.context],
          JSON.stringify(labels),
        )
      }
    }
    const web = await query('container_cpu_time_seconds_total{k8s_deployment_name="web"}')
    assert.equal(web.length, 3)
  },
)

onNode(
  "scrapes the kubelet's cAdvisor with its certificate checked, under the labels of all other series",
  async () => {
    // Prometheus finds the node, and scrapes it, by a clock of its own.
    const periods = await waitFor('scrape of the kubelet', async () => {
      const up = await query('up{job="kubelet-cadvisor"} == 1')
      assert.deepEqual(
        up.map(labels => labels['k8s_node_name']),
        [node.name],
      )
      const found = await query('container_cpu_cfs_periods_total{k8s_namespace_name="demo"}')
      assert.equal(found.length, 4)
      return found
    })
    for (const labels of periods) {
      const { __name__, instance, job, ...rest } = labels
      assert.deepEqual(Object.keys(rest).sort(), [
        ...['k8s_cluster_name', 'k8s_container_name', 'k8s_namespace_name', 'k8s_node_name', 'k8s_pod_name'],
      ])
    }
  },
)

onNode('changes nothing when it is done again', async () => {
  const pods = async () =>
    await node.kubectl(['get', 'pods', '-n', 'otel-lab', '-o', 'jsonpath={.items[*].metadata.uid}'])
  const before = await pods()
  assert.match(await done('k3d-lgtm'), /: 0 objects changed\n$/)
  assert.match(await done('k3d-collectors'), /: 0 releases changed\n$/)
  assert.equal(await pods(), before)
})

onNode('says that all is ready', async () => {
  const said = await done('k3d-status')
  for (const part of ['lgtm', 'otel-lab-deployment', 'otel-lab-daemonset']) {
    assert.match(said, new RegExp(`^${part} +ready +1/1 +-$`, 'm'))
  }
})

onNode('gives nobody more rights than it needs', async () => {
  const may = async (account: string, verb: string, resource: string) => {
    const who = ['--as', `system:serviceaccount:otel-lab:${account}`]
    const asked = await node.run('sh', [
      '-c',
      '"$@" || true',
      'sh',
      ...(await kubectlWords()),
      'auth',
      'can-i',
      verb,
      ...resourceWords(resource),
      ...who,
    ])
    return asked.stdout.trim().split('\n').at(-1)
  }
  const accounts = ['lgtm', 'otel-lab-deployment', 'otel-lab-daemonset']
  for (const account of accounts) {
    for (const [verb, resource] of [
      ['get', 'nodes/proxy'],
      ['create', 'pods/exec'],
      ['get', 'secrets'],
      ['create', 'pods'],
    ] as const) {
      assert.equal(await may(account, verb, resource), 'no', `${account} ${verb} ${resource}`)
    }
  }
  assert.equal(await may('otel-lab-daemonset', 'get', 'nodes/stats'), 'yes')
  assert.equal(await may('lgtm', 'get', 'nodes/metrics'), 'yes')
})

onNode(
  'runs nothing that Pod Security restricted forbids but what is said: LGTM as root, and the mounts of the node',
  async () => {
    const label = ['label', 'namespace', 'otel-lab', '--overwrite', '--dry-run=server']
    const asked = await node.run('sh', [
      '-c',
      '"$@"',
      'sh',
      ...(await kubectlWords()),
      ...label,
      'pod-security.kubernetes.io/enforce=restricted',
    ])
    const violations = asked.stderr.split('\n').filter(line => /^Warning: (lgtm|otel)/.test(line))
    assert.deepEqual(
      violations.map(line => line.replace(/^Warning: (lgtm|otel-lab-[a-z]+)\S*: /, '$1: ')).sort(),
      ['lgtm: unrestricted capabilities, runAsNonRoot != true', 'otel-lab-daemonset: restricted volume types'],
      asked.stderr,
    )
  },
)

onNode('opens the ports on this machine until it is told to end', async () => {
  const args = ['--import', import.meta.resolve('tsx'), join(projectDir, 'tasks', 'k3d-port-forward.ts')]
  const forward = node.start(process.execPath, args, { env: own() })
  const endMs = Date.now() + 60_000
  while (!forward.said().includes('Ctrl-C ends it')) {
    assert(Date.now() < endMs, forward.said())
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  const asked = await node.run(process.execPath, [
    '--eval',
    "fetch('http://127.0.0.1:9090/-/ready').then(answer => console.log(answer.status))",
  ])
  assert.equal(asked.stdout.trim(), '200', asked.stderr)
  forward.child.kill('SIGINT')
  assert.equal((await forward.ended).exitCode, 0, forward.said())
})

onNode('is right on every dashboard, by the API and the kubelet itself', async () => {
  const said = await done('verify')
  assert.match(said, / 0 failed, /)
  assert(Number(/, (\d+) of them compared/.exec(said)?.[1]) > 100, said)
})

onNode('has a kubelet that serves what the recorded one serves, after which the simulated one is made', async () => {
  const recorded = join(projectDir, 'test', 'data', 'real-kubelet')
  const served = async (path: string) =>
    await node.kubectl(['get', '--raw', `/api/v1/nodes/${node.name}/proxy/${path}`])
  const families = (exposition: string) =>
    [...exposition.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, family]) => family).sort()
  const resource = readFileSync(join(recorded, 'metrics-resource.txt'), 'utf8')
  assert.deepEqual(families(await served('metrics/resource')), families(resource))
  // All that one of them has: a limit, or traffic, isn't every container's.
  const keys = (values: readonly unknown[]) => [...new Set(values.flatMap(value => Object.keys(fields(value))))].sort()
  const shape = (document: unknown) => {
    const pods = items(fields(document)['pods']).map(fields)
    const containers = pods.flatMap(pod => items(pod['containers'])).map(fields)
    const part = (name: string) => keys(containers.map(container => container[name]))
    return {
      ...{ node: keys([fields(document)['node']]), pod: keys(pods), container: keys(containers) },
      ...{ cpu: part('cpu'), memory: part('memory'), rootfs: part('rootfs') },
    }
  }
  const summary = readFileSync(join(recorded, 'stats-summary.json'), 'utf8')
  assert.deepEqual(shape(JSON.parse(await served('stats/summary'))), shape(JSON.parse(summary)))
})

onNode('removes exactly what it made', async () => {
  assert.match(await done('k3d-down'), /^Namespace otel-lab of context "\S+" is gone\n$/)
  assert.deepEqual(await names('namespace', '--field-selector', 'metadata.name=otel-lab'), [])
  const left = (await names('clusterroles,clusterrolebindings')).filter(name => name.includes('otel-lab'))
  assert.deepEqual(left, [])
  assert.equal((await names('pods', '-n', 'demo')).length, 4)
  assert(!existsSync(labDir()))
})
real.run()

/** `nodes/proxy` as kubectl has it: with a slash it would be the node named proxy. */
function resourceWords(resource: string): string[] {
  const [kind = '', part] = resource.split('/')
  return part === undefined ? [kind] : [kind, '--subresource', part]
}

async function kubectlWords(): Promise<string[]> {
  const { ensurePrograms } = await import('../../lib/binaries.ts')
  return [(await ensurePrograms(['kubectl'])).kubectl.path, '--kubeconfig', node.kubeconfig]
}
