/**
 * LGTM and the collectors on a real node: a cluster of a real control plane, kubelet, container runtime and kube-proxy, made here, on
 * which all that `make k3d` does after `k3d cluster create` is done as to any cluster of a user's.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fields, items } from '../../lib/kube/json.ts'
import { openLab, projectDir } from '../../lib/lab/lab.ts'
import { programPath } from '../../lib/programs/programs.ts'
import { atExit } from '../support/at-exit.ts'
import { assertSays, waitFor } from '../support/lab.ts'
import { skipLine } from '../support/outcome.ts'
import { inLong, suite } from '../support/suite.ts'
import { labelNames, seriesOf, summaryFields } from './real-node/kubelets.ts'
import { type Ended, type RealNode, startRealNode } from './real-node/node.ts'
import { realNodeProblem } from './real-node/programs.ts'

const problem = await realNodeProblem()
if (problem !== undefined) process.stdout.write(skipLine('real-node', problem))
const real = suite('on a real node')
const onNode = problem === undefined ? real : real.skip

let node: RealNode
const chart = join(projectDir, 'test', 'e2e', 'real-node', 'chart')

/** A task with the node's cluster as KUBE_CONTEXT, on the node's network. */
async function task(
  name: string,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Ended> {
  return await node.run(process.execPath, [...taskWords(name), ...flags], { env: { ...own(), ...env } })
}

/** A task as make runs it. */
function taskWords(name: string): string[] {
  return [join(projectDir, 'lib', 'cli', 'bundled.js'), join(projectDir, 'tasks', `${name}.ts`)]
}

function own(): Record<string, string> {
  return {
    HOME: join(node.tempDir, 'home'),
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    KUBECONFIG: node.kubeconfig,
    KUBE_CONTEXT: node.context,
    OTEL_CHART: chart,
    DASHBOARDS_DIR: ownDashboards(),
    RULES_DIR: rulesFile(),
    NO_COLOR: '1',
  }
}

const rulesFile = () => join(node.tempDir, 'own-rules.yaml')

/** Writes a file with one rule of a person's own. */
function writeOwnRule(record: string): void {
  const rules = [{ record, expr: 'count(k8s_pod_phase)' }]
  writeFileSync(rulesFile(), JSON.stringify({ groups: [{ name: 'own', rules }] }))
}

/** A folder with one dashboard of a person's own, in a folder in it. */
function ownDashboards(): string {
  const dir = join(node.tempDir, 'own-dashboards')
  mkdirSync(join(dir, 'Team A'), { recursive: true })
  const targets = [{ refId: 'A', expr: 'count(k8s_pod_phase)', datasource: { type: 'prometheus', uid: 'prometheus' } }]
  const panels = [{ id: 1, type: 'stat', title: 'Pods', gridPos: { x: 0, y: 0, w: 6, h: 4 }, targets }]
  writeFileSync(join(dir, 'Team A', 'pods.json'), JSON.stringify({ title: 'Own pods', uid: 'own-pods', panels }))
  return dir
}

/** A task that serves on the node's network until Ctrl-C; used once it is ready. */
async function serving<T>(name: string, use: () => Promise<T>): Promise<T> {
  const child = node.start(process.execPath, taskWords(name), { env: own() })
  await waitFor(`start of ${name}`, () => assertSays(child.output(), /Ctrl-C ends it/), 120_000)
  const result = await use()
  child.child.kill('SIGINT')
  assert.equal((await child.ended).exitCode, 0, child.output())
  return result
}

/** What a URL on the node's network answers, with the status before it if wanted. */
async function get(url: string, withStatus = false): Promise<string> {
  const script =
    'fetch(process.argv[1]).then(async answer => process.stdout.write(answer.status + " " + (await answer.text())))'
  const { exitCode, stdout, stderr } = await node.run(process.execPath, ['--eval', script, url])
  assert.equal(exitCode, 0, stderr)
  return withStatus ? stdout : stdout.slice(stdout.indexOf(' ') + 1)
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

/** The chart, with a job before all else that never ends. */
function endlessChart(): string {
  const endless = join(node.tempDir, 'endless-chart')
  cpSync(chart, endless, { recursive: true })
  const container = { name: 'never', image: 'docker.io/library/none:1', imagePullPolicy: 'Never' }
  const job = {
    ...{ apiVersion: 'batch/v1', kind: 'Job' },
    metadata: { name: 'never', annotations: { 'helm.sh/hook': 'pre-install' } },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  }
  writeFileSync(join(endless, 'templates', 'job.yaml'), JSON.stringify(job))
  return endless
}

/** A Helm that writes down what it is called with, and does it. */
async function recordingHelm(): Promise<{ env: Record<string, string>; calls: () => string[] }> {
  const [file, log] = [join(node.tempDir, 'helm'), join(node.tempDir, 'helm-calls')]
  writeFileSync(file, `#!/bin/sh\necho "$*" >> ${log}\nexec ${await programPath('helm')} "$@"\n`, { mode: 0o755 })
  return { env: { HELM_BINARY: file }, calls: () => readFileSync(log, 'utf8').trim().split('\n') }
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

/** What Prometheus' API answers, by the API server's way to the Service. */
async function prometheus(path: string): Promise<Record<string, unknown>> {
  const proxy = '/api/v1/namespaces/otel-lab/services/lgtm:9090/proxy/api/v1'
  return fields(fields(JSON.parse(await node.kubectl(['get', '--raw', `${proxy}/${path}`])))['data'])
}

/** One instant query: the labels of the series. */
async function query(expression: string): Promise<Record<string, unknown>[]> {
  const { result } = await prometheus(`query?query=${encodeURIComponent(expression)}`)
  return items(result).map(series => fields(fields(series)['metric']))
}

real.before(async () => {
  if (problem !== undefined) return
  node = await startRealNode()
  await node.kubectl(['apply', '-f', join(projectDir, 'k3d-config', 'demo.yaml')])
  writeOwnRule('own:pods')
  atExit(() => rmSync(labDir(), { recursive: true, force: true }))
})
real.after(() => node?.close())

onNode('asks before it changes a cluster that it did not create, and changes nothing without a terminal', async () => {
  const { exitCode, stdout, stderr } = await task('k3d-lgtm')
  assert.deepEqual([exitCode, stdout], [2, ''])
  assert.match(
    stderr,
    /^The lab did not create the cluster of context "\S+": .*namespace otel-lab.*\n {2}Next: add YES=1/,
  )
  assert.deepEqual(await names('namespace', '--field-selector', 'metadata.name=otel-lab'), [])
})

inLong(onNode)("fails with the events of the pod when an image can't be pulled", async () => {
  const { exitCode, stderr } = await task('k3d-lgtm', { YES: '1', LGTM_IMAGE: '127.0.0.1:9/lgtm:1' })
  assert.equal(exitCode, 1)
  assertSays(stderr, /^lgtm is not ready: lgtm-\S+: (ImagePullBackOff|ErrImagePull) /m)
  assertSays(stderr, /^ +Warning Failed: Failed to pull image "127\.0\.0\.1:9\/lgtm:1": .*connection refused/m)
  assertSays(
    stderr,
    /^ {2}Next: choose an image that the cluster can pull: .*; or kubectl --context \S+ -n otel-lab describe pods -l app\.kubernetes\.io\/instance=lgtm$/m,
  )
})

onNode("installs LGTM with the user's dashboards and rules", async () => {
  const said = await done('k3d-lgtm', { YES: '1' })
  assertSays(said, /^LGTM runs in namespace otel-lab of context "\S+": \d+ objects changed\n$/)
  const list =
    "console.log(['own', 'rules'].flatMap(dir => require('fs').readdirSync('/otel-lgtm/kube-otel-lab/' + dir, { recursive: true })).join())"
  const inPod = ['exec', '-n', 'otel-lab', 'deployment/lgtm', '--', '/usr/local/bin/node', '--eval', list]
  assertSays(await node.kubectl(inPod), /\bTeam A\/pods\.json\b.*,own-rules-\w{8}\.yaml\b/)
  const wrong = await task('k3d-lgtm', { DASHBOARDS_DIR: '/no/such/folder' })
  assert.equal(wrong.exitCode, 2)
  assertSays(
    wrong.stderr,
    /^Cannot add the dashboards of \/no\/such\/folder: there is no such file or folder\n {2}Next: /,
  )
})

inLong(onNode)('explains how to provide a chart when none can be reached', async () => {
  for (const away of ['https://127.0.0.1:9/charts', 'oci://127.0.0.1:9/charts/opentelemetry-collector']) {
    const { exitCode, stderr } = await task('k3d-collectors', { OTEL_CHART: away })
    assert.equal(exitCode, 1)
    assertSays(
      stderr,
      /Helm could not install otel-lab-deployment: .*connection refused.*\n {2}Next: check the connection to \S+127\.0\.0\.1:9\S+, or use a local chart: OTEL_CHART=\.\/opentelemetry-collector-[\d.]+tgz$/m,
    )
  }
  assert.deepEqual(await names('deployments', '-n', 'otel-lab'), ['deployment.apps/lgtm'])
})

inLong(onNode)('installs the collectors after Helm was killed or has failed', async () => {
  const values = join(labDir(), 'config', 'otel-lab-deployment.values.yaml')
  const install = ['install', 'otel-lab-deployment', endlessChart(), '--namespace', 'otel-lab', '--values', values]
  const killed = node.start(await programPath('helm'), [...install, '--kube-context', node.context], { env: own() })
  await waitFor('release that is being installed', async () => {
    const found = await names('secrets', '-n', 'otel-lab', '-l', 'owner=helm,status=pending-install')
    assert.equal(found.length, 1, killed.output())
  })
  killed.child.kill('SIGKILL')
  await killed.ended
  const status = await task('k3d-status')
  assert.equal(status.exitCode, 1)
  assertSays(status.stdout, /^otel-lab-deployment +missing +0\/0 +Helm status: pending-install$/m)
  const { exitCode, stderr } = await task('k3d-collectors', { OTEL_CHART: brokenChart() })
  assert.equal(exitCode, 1)
  assertSays(
    stderr,
    /Helm could not install otel-lab-deployment: .*selector.*\n {2}Next: fix the error that Helm reports/,
  )
  const helm = await recordingHelm()
  assertSays(
    await done('k3d-collectors', helm.env),
    /^1 nodes and \d+ running pods are measured: 2 releases changed\n$/,
  )
  const at = `--kube-context ${node.context} --namespace otel-lab`
  const set = (release: string) =>
    `upgrade ${release} ${chart} --install ${at} --values ${join(labDir(), 'config', release)}.values.yaml --description kube-otel-lab <mark> --history-max 2 --timeout 2m`
  assert.deepEqual(
    helm.calls().map(call => call.replace(/[0-9a-f]{16}/, '<mark>')),
    [
      `status otel-lab-deployment ${at} --output json`,
      `uninstall otel-lab-deployment ${at} --wait --timeout 2m`,
      set('otel-lab-deployment'),
      `status otel-lab-daemonset ${at} --output json`,
      set('otel-lab-daemonset'),
    ],
  )
})

onNode('installs the collectors, and ends when the node, its pods and containers are measured', async () => {
  assertSays(await done('k3d-collectors'), /^1 nodes and \d+ running pods are measured: \d releases changed\n$/)
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
})

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

onNode('changes nothing when it runs again', async () => {
  const pods = async () =>
    await node.kubectl(['get', 'pods', '-n', 'otel-lab', '-o', 'jsonpath={.items[*].metadata.uid}'])
  const before = await pods()
  assert.match(await done('k3d-lgtm'), /: 0 objects changed\n$/)
  assert.match(await done('k3d-collectors'), /: 0 releases changed\n$/)
  assert.equal(await pods(), before)
})

onNode('reports every part as ready', async () => {
  const said = await done('k3d-status')
  for (const part of ['lgtm', 'otel-lab-deployment', 'otel-lab-daemonset']) {
    assert.match(said, new RegExp(`^${part} +ready +1/1 +-$`, 'm'))
  }
})

onNode('gives each service account the rights it needs and no more', async () => {
  const may = async (account: string, verb: string, resource: string) => {
    const impersonation = ['--as', `system:serviceaccount:otel-lab:${account}`]
    const asked = await node.run('sh', [
      '-c',
      '"$@" || true',
      'sh',
      ...(await kubectlWords()),
      'auth',
      'can-i',
      verb,
      ...resourceWords(resource),
      ...impersonation,
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

onNode('meets Pod Security restricted with two exceptions: LGTM as root, and the mounts of the node', async () => {
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
})

inLong(onNode)('opens the ports on this machine until Ctrl-C', async () => {
  assertSays(await serving('k3d-port-forward', async () => await get('http://127.0.0.1:9090/-/ready')), /Ready/)
})

onNode("passes verify on every dashboard, against the API and the kubelet, and on the user's rules", async () => {
  await waitFor('series of the recording', async () => assert.equal((await query('own:pods')).length, 1))
  const said = await done('verify')
  assert.match(said, / 0 failed, /)
  assertSays(said, /^Rules: 1; 0 in error, 0 recordings without series, 0 not evaluated yet$/m)
  assert(Number(/, (\d+) of them compared/.exec(said)?.[1]) > 100, said)
})

inLong(onNode)('works with report and page as a lab does', async () => {
  const file = join(node.tempDir, 'report.html')
  // verify has checked the dashboards of the lab.
  const userDashboard = join(ownDashboards(), 'Team A', 'pods.json')
  const { exitCode, stdout, stderr } = await task('report', {}, ['--out', file, '--dashboards', userDashboard])
  assert.equal(exitCode, 0, stdout + stderr)
  assertSays(stdout, /^1 dashboard in \S+report\.html \([\d.]+ MB\); verify: 0 failed$/m)
  assertSays(readFileSync(file, 'utf8'), new RegExp(`Dashboards of ${node.context}`))
  const [home, nodes] = await serving('view', async () => [
    await get('http://127.0.0.1:3000/'),
    await get('http://127.0.0.1:3000/d/k8s-resources-nodes-overview'),
  ])
  assertSays(home ?? '', /Own pods/)
  assertSays(nodes ?? '', new RegExp(node.name))
})

onNode('the simulated kubelet gives the answers of the real kubelet for the same pods', async () => {
  const [main, tsx] = [
    join(projectDir, 'lib', 'kubelet', 'stats-proxy-process.ts'),
    ['--import', import.meta.resolve('tsx')],
  ]
  const args = [...tsx, main, '--kubeconfig', node.kubeconfig, '--context', node.context, '--port', '0']
  const simulated = node.start(process.execPath, args, {})
  try {
    const url = await waitFor('stats proxy that has listed the cluster', async () => {
      assertSays(simulated.output(), /ready: 1 nodes/)
      return /http:\/\/127\.0\.0\.1:\d+/.exec(simulated.output())?.[0] ?? ''
    })
    const both = async (path: string) =>
      [
        await node.kubectl(['get', '--raw', `/api/v1/nodes/${node.name}/proxy/${path}`]),
        await get(`${url}/nodes/${node.name}/${path}`),
      ] as const
    const [real, ours] = (await both('stats/summary')).map(each => summaryFields(JSON.parse(each)))
    assert(Object.keys(real ?? {}).length >= 15)
    assert.deepEqual(ours, real)

    const [realResource, ourResource] = (await both('metrics/resource')).map(seriesOf)
    // After the recorded one the simulated one is made.
    const recorded = readFileSync(join(projectDir, 'test', 'data', 'real-kubelet', 'metrics-resource.txt'), 'utf8')
    assert.deepEqual([...(realResource?.keys() ?? [])].sort(), [...seriesOf(recorded).keys()].sort())
    // A swap limit, which nodes have by their cgroups, and a simulated one has none of.
    realResource?.delete('container_swap_limit_bytes')
    assert.deepEqual(ourResource, realResource)

    const [realCadvisor, ourCadvisor] = (await both('metrics/cadvisor')).map(seriesOf)
    const ofContainers = (series: readonly string[] = []) => series.filter(labels => !labels.includes('container="",'))
    // A real kubelet reports more of the node and of the pods' own cgroups, and names the machine's devices.
    const ofPods = (series: readonly string[] = []) => series.filter(labels => !labels.includes('id="/",'))
    let compared = 0
    for (const [metric, series] of ourCadvisor ?? []) {
      // cgroups count a container's disk I/O where the kernel has that accounting.
      if (/^container_fs_(reads|writes)/.test(metric)) continue
      const theirs = realCadvisor?.get(metric)
      assert.deepEqual(ofContainers(series), ofContainers(theirs), metric)
      for (const labels of ofPods(series)) assert(theirs?.includes(labels), `${metric}{${labels}}`)
      compared += ofPods(series).length
    }
    assert(compared > 200, String(compared))
    assert.deepEqual(ourCadvisor?.get('machine_memory_bytes'), realCadvisor?.get('machine_memory_bytes'))

    await both('healthz')
    const [realChecks, ourChecks] = (await both('metrics/slis')).map(seriesOf)
    assert.deepEqual(ourChecks, realChecks)
    const [realOwn, ourOwn] = (await both('metrics')).map(each => labelNames(seriesOf(each)))
    for (const [metric, names] of ourOwn ?? []) {
      // This kubelet renews no certificates, and has no volumes that can be measured.
      if (/^kubelet_(certificate|server|volume_stats)_/.test(metric)) continue
      assert.deepEqual(names, realOwn?.get(metric), metric)
    }
    const [realConfig, ourConfig] = (await both('configz')).map(each => fields(fields(JSON.parse(each)).kubeletconfig))
    assert.deepEqual(
      Object.keys(ourConfig ?? {}).filter(key => typeof realConfig?.[key] !== typeof ourConfig?.[key]),
      [],
    )
    const running = (list: string) =>
      items(fields(JSON.parse(list)).items)
        // A real one also has the sandbox of a pod whose image is missing.
        .filter(each => items(fields(fields(each).spec).containers).length > 0)
        .map(each => fields(fields(each).metadata))
        .map(({ creationTimestamp: _, ...metadata }) => JSON.stringify(metadata))
        .sort()
    const [realRunning, ourRunning] = (await both('runningpods/')).map(running)
    assert((realRunning ?? []).length > 3, 'running pods')
    assert.deepEqual(ourRunning, realRunning)

    const [pod = ''] = await names('pods', '-n', 'demo')
    const path = `containerLogs/demo/${pod.replace('pod/', '')}`
    const container = await node.kubectl(['get', pod, '-n', 'demo', '-o', 'jsonpath={.spec.containers[0].name}'])
    const kubectl = node.start(await programPath('kubectl'), [
      'proxy',
      '--port',
      '8009',
      '--kubeconfig',
      node.kubeconfig,
    ])
    await waitFor('kubectl proxy', async () => assertSays(kubectl.output(), /Starting to serve/))
    for (const [request, status] of [
      ['containerLogs/demo/none/app', 404],
      [`${path}/none`, 404],
      [path, 404],
      [`${path}/${container}?previous=true`, 400],
      [`${path}/${container}?tailLines=x`, 400],
      [`${path}/${container}?limitBytes=0`, 422],
      [`${path}/${container}?tailLines=1&stream=Stdout`, 422],
      [`${path}/${container}?tailLines=0`, 200],
    ] as const) {
      const theirs = await get(`http://127.0.0.1:8009/api/v1/nodes/${node.name}/proxy/${request}`, true)
      assert.match(theirs, new RegExp(`^${status} `), request)
      assert.equal(await get(`${url}/nodes/${node.name}/${request}`, true), theirs, request)
    }
    kubectl.child.kill('SIGTERM')
    await kubectl.ended
  } finally {
    simulated.child.kill('SIGTERM')
    await simulated.ended
  }
})

inLong(onNode)("takes a change in the user's rules when it runs again", async () => {
  writeOwnRule('own:pods:changed')
  // The ConfigMap, and the Deployment, whose annotation has its digest.
  assert.match(await done('k3d-lgtm'), /: 2 objects changed\n$/)
  // The Service may not have the address of the new pod yet.
  const groups = items((await waitFor('answer of the new pod', () => prometheus('rules')))['groups']).map(fields)
  assert(groups.length > 3, 'the rules of the lab')
  const names = groups.filter(({ name }) => name === 'own').flatMap(({ rules }) => items(rules).map(fields))
  assert.deepEqual(
    names.map(({ name }) => name),
    ['own:pods:changed'],
  )
})

onNode('removes exactly what it created', async () => {
  assert.match(await done('k3d-down'), /^Namespace otel-lab of context "\S+" is deleted\n$/)
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
  const { ensurePrograms } = await import('../../lib/programs/programs.ts')
  return [(await ensurePrograms(['kubectl'])).kubectl.path, '--kubeconfig', node.kubeconfig]
}
