/** Scenarios of each mechanism on a live lab: what the API and the kubelets show, and that healing leaves the objects as they were. */
import assert from 'node:assert/strict'
import { fields, items, text } from '../../../lib/kube/json.ts'
import type { Summary } from '../../../lib/kubelet/endpoints/stats-summary.ts'
import { assertDone, assertRefused, assertSays, killHard, type TestLab, waitFor } from '../../support/lab.ts'
import { kwokWords, nodeNames, openPlainLab } from '../../support/shared-lab.ts'
import { kubeletUrl } from '../../support/stats-proxy.ts'
import { suite } from '../../support/suite.ts'

const ANNOTATION = 'kube-otel-lab/scenario'
const [THIRD = '', NODE = '', OTHER = ''] = nodeNames.slice(-3)
/** Its quota has room. */
const NAMESPACE = 'data'

const scenarios = suite<{ lab: TestLab; before: string; target: string }>('make kwok-scenario')
scenarios.before(async context => {
  context.lab = await openPlainLab()
  context.before = await objects(context.lab)
})

async function list(lab: TestLab, args: readonly string[]): Promise<Record<string, unknown>[]> {
  return items(fields(JSON.parse(await lab.kubectl(['get', ...args, '-o', 'json'])))['items']).map(fields)
}

/** Nodes and pods without what time and healing change: times, versions, restarts. Jobs come and go. */
async function objects(lab: TestLab): Promise<string> {
  const isKept = (pod: Record<string, unknown>) => fields(pod['metadata'])['namespace'] !== 'batch'
  const all = [...(await list(lab, ['nodes'])), ...(await list(lab, ['pods', '-A'])).filter(isKept)]
  const changing =
    /^(resourceVersion|managedFields|generation|lastHeartbeatTime|lastTransitionTime|restartCount|startedAt|lastState)$/
  return JSON.stringify(all, (name, value) => (changing.test(name) ? undefined : value), 1)
}

async function podOf(lab: TestLab, target: string): Promise<Record<string, unknown>> {
  const [namespace = '', name = ''] = target.split('/')
  return fields(JSON.parse(await lab.kubectl(['get', 'pod', '-n', namespace, name, '-o', 'json'])))
}

const containerOf = (pod: Record<string, unknown>) => fields(items(fields(pod['status'])['containerStatuses'])[0])

/** A pod as its kubelet measures it. */
async function measuredPod(lab: TestLab, target: string) {
  const node = fields((await podOf(lab, target))['spec'])['nodeName']
  const { pods } = (await (await fetch(kubeletUrl(lab, `/nodes/${node}/stats/summary`))).json()) as Summary
  return pods.find(({ podRef }) => `${podRef.namespace}/${podRef.name}` === target) ?? assert.fail(target)
}

scenarios('refuses what does not exist before it changes anything', async ({ lab, before }) => {
  const start = async (...words: string[]) => await lab.make(['kwok-scenario', ...words])
  assertRefused(await start('SCENARIO=crash-lop'), 'kwok-scenario', 2, /did you mean crash-loop\?/)
  const absent = await start('SCENARIO=node-unreachable', 'TARGET=no-such-node')
  assertRefused(absent, 'kwok-scenario', 2, /there is no such node/)
  const wrong = await start('SCENARIO=crash-loop', `TARGET=${NODE}`)
  assertRefused(wrong, 'kwok-scenario', 2, /its target is a pod/)
  assert.equal(await objects(lab), before)
})

scenarios('lets a container crash, and its kubelet reports another run', async context => {
  const { lab } = context
  const [pod = {}] = await list(lab, ['pods', '-n', NAMESPACE, '-l', 'app.kubernetes.io/name=cache'])
  const target = `${NAMESPACE}/${fields(pod['metadata'])['name']}`
  context.target = target
  const first = await measuredPod(lab, target)
  const startedMs = Date.now()
  const ended = await lab.make(['kwok-scenario', 'SCENARIO=crash-loop', `TARGET=${target}`])
  assertDone(ended)
  assertSays(ended.stdout, new RegExp(`crash-loop runs on pod ${target} until `))
  // It lasts ten minutes.
  assert(Date.now() - startedMs < 300_000)
  await waitFor('CrashLoopBackOff', async () => {
    const { state, restartCount } = containerOf(await podOf(lab, target))
    assert.equal(text(fields(fields(state)['waiting'])['reason']), 'CrashLoopBackOff')
    assert(Number(restartCount) >= 1, `${restartCount} restarts`)
  })
  const crashed = await podOf(lab, target)
  assert.equal(fields(fields(crashed['metadata'])['annotations'])[ANNOTATION], 'crash-loop')
  const events = await lab.kubectl(['get', 'events', '-n', NAMESPACE, '-o', 'jsonpath={.items[*].reason}'])
  assertSays(events, /BackOff/)
  await waitFor('the next run', async () => {
    const now = await measuredPod(lab, target)
    const [container, sidecar] = now.containers
    const [before, sidecarBefore] = first.containers
    assert(container !== undefined && before !== undefined && now.containers.length === 2, 'not two containers')
    assert(Date.parse(container.startTime) >= startedMs, container.startTime)
    assert(container.cpu.usageCoreNanoSeconds < before.cpu.usageCoreNanoSeconds, 'the CPU time of the run before')
    assert(Number(sidecar?.cpu.usageCoreNanoSeconds) >= Number(sidecarBefore?.cpu.usageCoreNanoSeconds), 'sidecar')
    assert(now.cpu.usageCoreNanoSeconds >= first.cpu.usageCoreNanoSeconds, 'pod')
  })
})

/** The status of the kubelet's answer. */
async function summaryStatus(lab: TestLab): Promise<number> {
  const answer = await fetch(kubeletUrl(lab, `/nodes/${NODE}/stats/summary`))
  // A body that is not read keeps its connection, and with it the process.
  await answer.arrayBuffer()
  return answer.status
}

scenarios('makes a node unreachable, and another one report pressure', async ({ lab }) => {
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=node-unreachable', `TARGET=${NODE}`]))
  await waitFor('a kubelet that does not answer', async () => assert.equal(await summaryStatus(lab), 404))
  const lease = await lab.kubectl(['get', 'lease', '-n', 'kube-node-lease', NODE, '-o', 'jsonpath={.spec}'])
  assertSays(lease, /"holderIdentity":"kube-otel-lab-scenario"/)
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=node-memory-pressure', `TARGET=${OTHER}`]))
  await waitFor('the taint of the node', async () => {
    assertSays(await lab.kubectl(['get', 'node', OTHER, '-o', 'jsonpath={.spec.taints}']), /memory-pressure/)
  })
})

scenarios('lets the network of a node have errors', async ({ lab }) => {
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=network-errors', `TARGET=${THIRD}`]))
  await waitFor('errors', async () => {
    const { node } = (await (await fetch(kubeletUrl(lab, `/nodes/${THIRD}/stats/summary`))).json()) as Summary
    assert(node.network.rxErrors > 0, 'no errors yet')
  })
})

scenarios('fills a quota, and changes the usage of a pod', async ({ lab }) => {
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=quota-full', 'TARGET=shop']))
  await waitFor('a full quota', async () => {
    const quota = await lab.kubectl(['get', 'quota', '-n', 'shop', 'scenario-quota-full', '-o', 'jsonpath={.status}'])
    const { hard, used } = fields(JSON.parse(quota))
    assert.deepEqual(used, hard)
  })
  const pods = await list(lab, ['pods', '-A', '-l', 'app.kubernetes.io/name=load'])
  const pod = pods.find(({ spec }) => fields(spec)['nodeName'] !== NODE)
  const { namespace, name } = fields(fields(pod)['metadata'])
  const target = `${namespace}/${name}`
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=cpu-throttling', `TARGET=${target}`]))
  await waitFor('CPU at the limit', async () => {
    const [app] = (await measuredPod(lab, target)).containers
    assert.equal(app?.cpu.usageNanoCores, 250e6)
  })
})

scenarios('fills a volume, and drives an autoscaler to its maximum', async ({ lab }) => {
  const pods = await list(lab, ['pods', '-n', NAMESPACE, '-l', 'app.kubernetes.io/name=database'])
  const pod = pods.find(({ spec }) => fields(spec)['nodeName'] !== NODE)
  const target = `${NAMESPACE}/${fields(pod?.['metadata'])['name']}`
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=volume-full', `TARGET=${target}`]))
  await waitFor('a full volume', async () => {
    const volume = (await measuredPod(lab, target)).volume?.find(({ pvcRef }) => pvcRef !== undefined)
    assert.equal(Number(((volume?.availableBytes ?? 0) / (volume?.capacityBytes ?? 0)).toFixed(3)), 0.02)
  })
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=hpa-maxed', `TARGET=${NAMESPACE}`]))
  const hpa = ['get', 'hpa', '-n', NAMESPACE, 'scenario-hpa-maxed', '-o', 'json']
  await waitFor('the replicas of the autoscaler', async () => {
    const { spec, status } = fields(JSON.parse(await lab.kubectl(hpa)))
    assert.equal(fields(status)['currentReplicas'], fields(spec)['maxReplicas'])
  })
})

scenarios('stops a part; status lists it and what runs', async context => {
  const { lab, target } = context
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=scheduler-down']))
  const { stdout, exitCode } = await lab.make(['kwok-status'])
  assert.equal(exitCode, 2)
  assertSays(stdout, /^kube-scheduler +down/m)
  assertSays(stdout, /^scenarios +up/m)
  for (const running of [
    `crash-loop on ${target}`,
    `node-unreachable on ${NODE}`,
    'scheduler-down on kube-scheduler',
  ]) {
    assertSays(stdout, new RegExp(`^Scenario +${running}: until `, 'm'))
  }
})

scenarios('refuses a second scenario on a target, and names both', async ({ lab, target }) => {
  const second = await lab.make(['kwok-scenario', 'SCENARIO=oom-kill', `TARGET=${target}`])
  assertRefused(second, 'kwok-scenario', 2, new RegExp(`Cannot start oom-kill on ${target}: crash-loop runs on it`))
})

scenarios('goes on when the holder is killed', async ({ lab, target }) => {
  const pid = (await lab.partPids()).get('scenarios') ?? assert.fail('it does not run')
  const before = Number(containerOf(await podOf(lab, target))['restartCount'])
  killHard(pid)
  await waitFor('the next restart', async () => {
    assert(Number(containerOf(await podOf(lab, target))['restartCount']) > before, 'no restart')
  })
})

scenarios('restores what was there before', async ({ lab, before }) => {
  const one = await lab.make(['kwok-heal', 'SCENARIO=quota-full'])
  assertDone(one)
  assert.equal(one.stdout.trim(), 'Healed quota-full')
  const none = await lab.make(['kwok-heal', 'SCENARIO=quota-full'])
  assertDone(none)
  assertSays(none.stdout, /^No such scenario runs. These do: .*node-unreachable on \S+ until \S+Z/)
  // As `make kwok` does, which brings up a healthy lab.
  const again = await lab.make(kwokWords)
  assertDone(again)
  // The step that starts the control plane comes first, and ends scheduler-down.
  assertSays(again.stderr, /^Starting kube-scheduler of KWOK cluster /m)
  await waitFor('the same objects', async () => assert.equal(await objects(lab), before))
  assert.equal(await summaryStatus(lab), 200)
  assert.equal((await lab.partPids()).has('scenarios'), false)
  assert.equal((await lab.make(['kwok-heal'])).stdout.trim(), 'No scenario to heal')
})

scenarios('verify-alerts proves alerts, also after kill -9, and refuses what it cannot do', async ({ lab }) => {
  const verify = ['verify-alerts', 'SPEED=100']
  assertRefused(await lab.make([...verify, 'SCENARIOS=crash-lop']), 'verify-alerts', 2, /did you mean crash-loop\?/)
  // Parts come last.
  verify.push('SCENARIOS=scheduler-down,node-memory-pressure')
  const killed = lab.startMake(verify)
  // It starts while the alert of the first is being resolved.
  await waitFor('the last scenario', () => assertSays(killed.output(), /scheduler-down .*started$/m), 300_000)
  await waitFor('the end of the first', () => assertSays(killed.output(), /node-memory-pressure .*done$/m))
  process.kill(-(killed.child.pid ?? assert.fail('no pid')), 'SIGKILL')
  await killed.ended
  await waitFor('the end of its rules', async () => {
    const rules = await (await fetch(`http://127.0.0.1:${lab.ports.prometheusPort}/api/v1/rules`)).text()
    assert(!rules.includes('"verify-alerts '), 'Prometheus has them')
  })
  const { stdout, stderr, exitCode } = await lab.make(verify)
  assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
  assertSays(stderr, /^Healing scheduler-down on kube-scheduler$/m)
  assertSays(stderr, /^Scenarios: 1, at most /m)
  assertSays(stderr, /^Continues the run of \S+, which finished 1 of 2 scenarios; --fresh starts again$/m)
  assertSays(stdout, /^node-memory-pressure +\S+ +KubeNodeUnderPressure +lab( +\d+ s){3} +ok$/m)
  assertSays(stdout, /^scheduler-down +kube-scheduler +KubeControlPlaneDown +lab( +\d+ s){3} +ok$/m)
  assertSays(stdout, /^Alerts: \d+ ok, 0 failed, /m)
  assert.deepEqual(await annotated(lab), [])
  assert.equal((await lab.partPids()).has('scenarios'), false)
})

/** The nodes on which a scenario runs. */
async function annotated(lab: TestLab): Promise<unknown[]> {
  const nodes = (await list(lab, ['nodes'])).map(({ metadata }) => fields(metadata))
  return nodes.filter(({ annotations }) => fields(annotations)[ANNOTATION] !== undefined).map(({ name }) => name)
}
scenarios.run()
