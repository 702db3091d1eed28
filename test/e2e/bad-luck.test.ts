import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { components } from '../../lib/lab/components.ts'
import { versions } from '../../lib/programs/versions.ts'
import { interrupt } from '../support/interrupt.ts'
import {
  assertDone,
  assertRefused,
  assertSameWords,
  assertSays,
  cloneProject,
  createTestLab,
  isAlive,
  killHard,
  listeningSockets,
  type TestLab,
  waitFor,
} from '../support/lab.ts'
import { processNames } from '../support/service-names.ts'
import { inLong, suite } from '../support/suite.ts'

/** The smallest lab that has all its parts. */
const smallLab = ['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']
const interval = { COLLECTION_INTERVAL: '2s' }
/** In the order in which kwok-status names them. */
const parts: readonly string[] = [...components, ...processNames]

const refused = suite<{ lab: TestLab }>('make kwok, refused before anything changes')
refused.before(async context => {
  context.lab = await createTestLab('refused', interval)
})
refused.after(({ lab }) => lab?.cleanUp())

// One refusal, for what make does then; test/lib/kwok/preflight.test.ts and test/tasks/all.test.ts have all of them.
refused('a port in use: names the process and the setting to change', async ({ lab }) => {
  const port = lab.ports.jaegerPort
  const server = createServer()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  try {
    const holder = `in use by .+ \\(pid ${process.pid}\\)`
    const said = new RegExp(`^Cannot use port ${port}: it is ${holder}\\n {2}Next: set JAEGER_PORT to a free port`, 'm')
    assertRefused(await lab.make(smallLab), 'kwok-check', 1, said)
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
  await lab.assertNothingLeft(undefined)
})
refused.run()

const badLuck = suite<{ lab: TestLab; sleeper: ChildProcess }>('bad luck')
badLuck.before(async context => {
  context.lab = await createTestLab('luck', interval)
  // A process of another program, which gets the pids that the lab's processes had before a reboot.
  context.sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' })
})
badLuck.after(({ lab, sleeper }) => {
  sleeper?.kill('SIGKILL')
  lab?.cleanUp()
})

/** Variables of the user's shell that would change the lab if its parts got them. */
const deadProxy = 'http://127.0.0.1:1'
const ofTheShell = {
  ...{ HTTPS_PROXY: deadProxy, HTTP_PROXY: deadProxy, https_proxy: deadProxy, http_proxy: deadProxy },
  ...{ NODE_USE_ENV_PROXY: '1', NODE_OPTIONS: '--max-http-header-size=20000', TZ: 'Asia/Tokyo' },
  ...{ GOMEMLIMIT: '1MiB', GOGC: 'off', GODEBUG: 'http2client=0' },
  ...{ OTEL_RESOURCE_ATTRIBUTES: 'k8s.node.name=wrong', OTEL_SDK_DISABLED: 'true', OTEL_SERVICE_NAME: 'wrong' },
  ...{ OTEL_EXPORTER_OTLP_ENDPOINT: deadProxy, JAEGER_DISABLED: 'true', JAEGER_SERVICE_NAME: 'wrong' },
  ...{ ETCD_LISTEN_CLIENT_URLS: 'http://0.0.0.0:1', KUBERNETES_SERVICE_HOST: '192.0.2.1' },
}

/** A program that creates something, a service that has just been started, a wait. */
const moments = ['etcd has started', 'Prometheus has started', 'the metrics are waited for'] as const

badLuck('Ctrl-C while the cluster is created, then kwok-down: nothing is left', async ({ lab }) => {
  await interrupt(lab, smallLab, moments[0])
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(undefined)
})

badLuck(
  "Ctrl-C at one moment after the other, then the same command again: the lab is ready; settings of KWOK, of other programs and of a proxy in the user's environment have no effect; a component that ends during the start is started again",
  async ({ lab }) => {
    const file = join(lab.kwokWorkdir, 'kwok.yaml')
    const options = 'options:\n  kubeVersion: v1.20.0\n  bindAddress: 0.0.0.0\n  runtime: docker\n'
    writeFileSync(file, `apiVersion: config.kwok.x-k8s.io/v1alpha1\nkind: KwokctlConfiguration\n${options}`)
    const ofKwok = { KWOK_KUBE_VERSION: 'v1.20.0', KWOK_ETCD_BINARY: '/nonexistent' }
    const env = { ...ofKwok, ...ofTheShell }
    await interrupt(lab, smallLab, moments[0], env)
    const [said, killed] = await Promise.all([
      interrupt(lab, smallLab, moments[1], env),
      killAtStart(lab, 'kube-controller-manager'),
    ])
    assertSays(said, /^Starting kube-controller-manager again: ended during the start$/m)
    assert(!isAlive(killed))
    await interrupt(lab, smallLab, moments[2], env)
    const ended = await lab.make(smallLab, { env })
    rmSync(file)
    assertDone(ended)
    assertSays(ended.stderr, /^Warning: ignored by the lab: KWOK_ETCD_BINARY, KWOK_KUBE_VERSION$/m)
    assertSays(ended.stderr, new RegExp(`^Warning: kwokctl also reads ${file};`, 'm'))
    const version = await lab.kubectl(['version', '-o', 'json'])
    assertSays(version, new RegExp(`"serverVersion": \\{[^}]*"gitVersion": "v${versions.kubernetes}`))
    const crds = await lab.kubectl(['get', 'crds', '-o', 'name'])
    for (const name of ['metrics', 'resourceusages', 'clusterresourceusages']) {
      assertSays(crds, new RegExp(`/${name}\\.kwok\\.x-k8s\\.io$`, 'm'))
    }
    const pids = await requireAllUp(lab)
    const open = listeningSockets([...pids.values()]).filter(({ address }) => !address.startsWith('127.0.0.1:'))
    assert.deepEqual(open, [])
    const series = await lab.query('count by (k8s_node_name) ({__name__=~"k8s_.+|container_.+", k8s_node_name!=""})')
    const nodes = (await lab.kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n')
    assertSameWords(
      series.map(({ labels }) => `node/${labels['k8s_node_name']}`),
      nodes,
      'nodes that are measured',
    )
    if (process.platform !== 'linux') return
    for (const [part, pid] of pids) {
      const given = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      const theirs = Object.entries({ ...ofKwok, ...ofTheShell }).map(([name, value]) => `${name}=${value}`)
      assert.deepEqual(
        given.filter(variable => theirs.includes(variable)),
        [],
        `variables of the shell in ${part}`,
      )
      assert.ok(
        given.some(variable => variable.startsWith('PATH=')),
        `the environment of ${part} could not be read`,
      )
    }
  },
)

badLuck('a change of a setting that is fixed at creation is refused', async ({ lab }) => {
  const before = await requireAllUp(lab)
  for (const [word, was] of [
    ['COLLECTION_INTERVAL=20s', '2s'],
    [`PROMETHEUS_PORT=${lab.ports.otlpHttpPort}`, lab.ports.prometheusPort],
  ]) {
    const said = new RegExp(
      `^${word} differs from what the lab was created with: \\w+ is ${was} until .*\\n {2}Next: make kwok-down`,
      'm',
    )
    assertRefused(await lab.make([...smallLab, `${word}`]), 'kwok-check', 2, said)
  }
  assert.deepEqual(await lab.partPids(), before)
})

badLuck('the same name from a second clone is refused, and the lab goes on', async ({ lab }) => {
  const before = await requireAllUp(lab)
  const project = join(lab.tempDir, 'second-clone')
  cloneProject(project)
  const said = new RegExp(
    `^KWOK cluster "${lab.name}" belongs to another clone of the lab: its state is in ${lab.dir}\\n {2}Next: set CLUSTER_NAME`,
    'm',
  )
  assertRefused(await lab.make(smallLab, { project }), 'kwok-check', 1, said)
  assertRefused(await lab.make(['kwok-down'], { project }), 'kwok-down', 1, said)
  assert.equal(existsSync(join(project, '.lab')), false)
  assert.deepEqual(await lab.partPids(), before)
})

/** Killed before some pods lose their readiness, for which the API server is needed, and after that. */
const killedFirst = ['prometheus', 'traces', 'page', 'metrics-server', 'kwok-controller']
const killedThen = ['stats-proxy', 'jaeger', 'kube-apiserver', 'collector', 'collector-watch']
const killed = [...killedFirst, ...killedThen]
badLuck('the next test kills every service of the lab that make kwok starts again', () => {
  // The gateway starts again by itself: nodes/kubelet-gateway.test.ts kills it.
  const others = processNames.filter(name => name !== 'kubelet-gateway')
  assertSameWords(
    killed.filter(part => processNames.includes(part)),
    others,
    'killed services',
  )
})
inLong(badLuck)(
  'parts killed with -9: status names them, make kwok brings them back, and pods that lost their readiness with their node are ready again',
  async ({ lab }) => {
    const before = await bringUp(lab)
    for (const part of killedFirst) killHard(before.get(part) ?? 0)
    await waitFor('end of kwok-controller', () => assert(!isAlive(before.get('kwok-controller') ?? 0), 'it still runs'))
    const unready = await makeUnready(lab)
    for (const part of killedThen) killHard(before.get(part) ?? 0)
    const inOrder = parts.filter(part => killed.includes(part))
    const status = await waitFor('end of the killed processes', async () => {
      const ended = await lab.task('kwok-status')
      assertSays(
        ended.stdout,
        new RegExp(`\\nDown: ${inOrder.join(', ')}\\n {2}Next: make kwok CLUSTER_NAME=${lab.name} starts`),
      )
      return ended
    })
    assert.equal(status.exitCode, 1)
    for (const part of killed) assertSays(status.stdout, new RegExp(`^${part} +down +`, 'm'))
    assertDone(await lab.make(smallLab))
    const after = await requireAllUp(lab)
    for (const part of killed) assert.notEqual(after.get(part), before.get(part), part)
    const others = (pids: Map<string, number>) => [...pids].filter(([name]) => !killed.includes(name))
    assert.deepEqual(others(after), others(before))
    for (const [namespace, pod] of unready)
      await lab.kubectl(['wait', pod, '-n', namespace, '--for=condition=Ready', '--timeout=30s'])
  },
)

badLuck(
  'after a reboot make kwok starts all parts and ends no process that has one of their pids',
  async ({ lab, sleeper }) => {
    await bringUp(lab)
    await reboot(lab, sleeper)
    const status = await lab.task('kwok-status')
    assert.equal(status.exitCode, 1)
    assertSays(status.stdout, new RegExp(`\\nDown: ${parts.join(', ')}\\n`))
    assertDone(await lab.make(smallLab))
    await requireAllUp(lab)
    assert.ok(isAlive(sleeper.pid ?? 0), 'the process of another program was ended')
  },
)

badLuck(
  'after a reboot kwok-down ends no process that has one of their pids, ignores other settings, and leaves nothing of the lab',
  async ({ lab, sleeper }) => {
    await bringUp(lab)
    await reboot(lab, sleeper)
    assertDone(await lab.make(['kwok-down', 'COLLECTION_INTERVAL=20s', 'PROMETHEUS_PORT=1']))
    assert.ok(isAlive(sleeper.pid ?? 0), 'the process of another program was ended')
    await lab.assertNothingLeft(undefined)
  },
)

badLuck('kwok-down a second time has nothing to do', async ({ lab }) => {
  const { exitCode, stdout } = await lab.make(['kwok-down'])
  assert.equal(exitCode, 0)
  assert.match(stdout, new RegExp(`^There is no lab "${lab.name}"`))
  await lab.assertNothingLeft(undefined)
})
badLuck.run()

/** Kills a component as soon as kwokctl has started it, again after an interrupted start. Returns its pid. */
async function killAtStart(lab: TestLab, component: string): Promise<number> {
  const path = join(lab.clusterDir, 'pids', `${component}.pid`)
  const pid = () => (existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0)
  const earlier = pid()
  await waitFor(`start of ${component}`, () => assert(![0, earlier].includes(pid()), 'no pid'), 120_000)
  const started = pid()
  killHard(started)
  return started
}

/** The pids of all parts; fails when one is down. */
async function requireAllUp(lab: TestLab): Promise<Map<string, number>> {
  const pids = await lab.partPids()
  assertSameWords([...pids.keys()], parts, 'parts that are up')
  return pids
}

/** Brings up all parts of the lab if the case before has left it otherwise. */
async function bringUp(lab: TestLab): Promise<Map<string, number>> {
  const pids = await lab.partPids()
  if (pids.size === parts.length) return pids
  assertDone(await lab.make(smallLab))
  return await requireAllUp(lab)
}

/** Does to some pods what the controller manager does when their node has not renewed its lease for 200 seconds. Returns them. */
async function makeUnready(lab: TestLab): Promise<[namespace: string, pod: string][]> {
  const cart = ['get', 'pods', '-n', 'shop', '-l', 'app.kubernetes.io/name=cart', '-o', 'name']
  const pods = (await lab.kubectl(cart)).trim().split('\n')
  const all = [...pods.map((pod): [string, string] => ['shop', pod]), ['team-a', 'pod/load-00000'] as [string, string]]
  const lost = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'False' }] } })
  for (const [namespace, pod] of all)
    await lab.kubectl(['patch', pod, '-n', namespace, '--subresource', 'status', '-p', lost])
  return all
}

/** Leaves what a reboot leaves: no process of the lab, and pid files that name a process of another program. */
async function reboot(lab: TestLab, sleeper: ChildProcess): Promise<void> {
  for (const { pid } of lab.processes()) killHard(pid)
  await waitFor('end of all processes', () => assert.equal(lab.processes().length, 0))
  const kwokctlPids = join(lab.clusterDir, 'pids')
  for (const file of readdirSync(kwokctlPids)) writeFileSync(join(kwokctlPids, file), `${sleeper.pid}`)
  for (const file of readdirSync(lab.pidsDir)) {
    const path = join(lab.pidsDir, file)
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid: sleeper.pid }))
  }
}
