/**
 * The alerts of all scenarios. Then each twice on the same lab: what the API and the kubelets show, verify during it, and the objects after healing.
 * Scenarios that do not affect each other run at once. test/e2e/plain/scenarios.test.ts has what differs by the mechanism.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { effectMs } from '../../lib/checks/alerts/alert-plan.ts'
import { chosenScenarios } from '../../lib/checks/alerts/verify-alerts.ts'
import { fields, items } from '../../lib/kube/json.ts'
import { refusesScrapes } from '../../lib/lab/manifest.ts'
import type { Scenario, TargetKind } from '../../lib/scenarios/scenario.ts'
import { assertDone, assertSameWords, createTestLab, type TestLab, waitFor } from '../support/lab.ts'
import { kubeletUrl } from '../support/stats-proxy.ts'
import { suite } from '../support/suite.ts'

/** All, or those of a run by hand: SCENARIOS=crash-loop,node-drained npx tsx test/run.ts long scenarios. */
const SCENARIOS = process.env['SCENARIOS'] ?? 'all'
/** Enough that the nodes of all scenarios can fail at once without a disruption of the cluster: less than 55 % of them. */
const NODES = Array.from({ length: 30 }, (_, at) => `kwok-node-00${String(at).padStart(2, '0')}`)
/** When the series of a scenario have settled. */
const SETTLED_MS = 120_000
const KINDS =
  'nodes,pods,services,deployments,statefulsets,daemonsets,resourcequotas,hpa,pdb,pvc,pv,resourceusages.kwok.x-k8s.io,validatingwebhookconfigurations'
/** What the API server, the scheduler and time set, such as the zone of a pod's node, and what a scenario may leave: restarts, and an old version of a workload. */
const CHANGING =
  /^(uid|resourceVersion|managedFields|generation|observedGeneration|creationTimestamp|\w+Time|startedAt|finishedAt|restartCount|lastState|containerID|nodeName|hostIPs?|podIPs?|deployment\.kubernetes\.io\/revision|message|currentMetrics|conditions|topology\.kubernetes\.io\/\w+)$/

const running = suite<{ lab: TestLab; before: string[]; parts: string[] }>('each scenario')
running.before(async context => {
  context.lab = await createTestLab('scenarios', { COLLECTION_INTERVAL: '5s' })
  const { lab } = context
  assertDone(await lab.make(['kwok', `NODE_COUNT=${NODES.length}`, 'POD_COUNT=40']))
  assertDone(await lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=2']))
  await waitFor('verify', async () => assertDone(await lab.make(['verify'])), 300_000)
  context.before = await objects(lab)
  context.parts = [...(await lab.partPids()).keys()]
})
// One that failed must not spoil the next.
running.after.each(async ({ lab }) => void (await lab.make(['kwok-heal'])))
running.after(({ lab }) => lab?.cleanUp())

/** The scenarios that run at once as far as there are targets. One that slows or stops what others need runs alone. */
function groups(): Scenario[][] {
  const isAlone = ({ breaksMeasuring, only = '' }: Scenario) =>
    breaksMeasuring !== undefined || ['prometheus', 'etcd', 'kube-apiserver'].includes(only)
  const chosen = chosenScenarios(SCENARIOS)
  const kinds: TargetKind[][] = [['pod', 'service'], ['node'], ['namespace'], ['part']]
  const together = kinds.map(kind => chosen.filter(each => kind.includes(each.target) && !isAlone(each)))
  return [...together, ...chosen.filter(isAlone).map(each => [each])].filter(group => group.length > 0)
}

/** Starts as many scenarios as have a target without another one. Returns their targets by name. */
async function startAll(lab: TestLab, scenarios: readonly Scenario[]): Promise<Map<string, string>> {
  const targets = new Map<string, string>()
  for (const { name } of scenarios) {
    const ended = await lab.make(['kwok-scenario', `SCENARIO=${name}`, 'FOR=60m'])
    if (targets.size > 0 && ended.stderr.includes(' fits that has no scenario')) continue
    assertDone(ended)
    const [, target] = / runs on \w+ (\S+) until /.exec(ended.stdout) ?? []
    targets.set(name, target ?? assert.fail(ended.stdout))
  }
  return targets
}

// First: an alert with a range of minutes still fires after its scenario.
running('raises and ends its alerts', async ({ lab, before, parts }) => {
  assertDone(await lab.make(['verify-alerts', `SCENARIOS=${SCENARIOS}`], { limitMs: 90 * 60_000 }))
  await assertHealed(lab, before, parts)
})
for (const group of groups()) {
  const names = group.map(({ name }) => name).join(', ')
  running(`${names}: API, kubelets, healing`, async context => {
    await runAll(context, group, async () => {})
  })
  running(`${names}, again: API, kubelets, verify, healing`, async context => {
    await runAll(context, group, async now => {
      await sleep(Math.max(...now.map(({ effect }) => effectMs(effect))) + SETTLED_MS)
      const { exitCode, stdout } = await context.lab.make(['verify'])
      const failed = stdout.split('\n').filter(line => line.startsWith('FAILED'))
      const broken = now.filter(({ breaksMeasuring }) => breaksMeasuring !== undefined)
      const expected = broken.map(({ name }) => `FAILED Scenarios / ${name}: not measured`)
      assert.deepEqual([exitCode, failed], [expected.length === 0 ? 0 : 2, expected], stdout)
    })
  })
}

running.run()

/** Runs all scenarios of a group, in as many rounds as it needs targets; `check` gets those of a round after their effect. */
async function runAll(
  { lab, before, parts }: { lab: TestLab; before: readonly string[]; parts: readonly string[] },
  group: readonly Scenario[],
  check: (now: readonly Scenario[]) => Promise<void>,
): Promise<void> {
  let left = group
  while (left.length > 0) {
    const targets = await startAll(lab, left)
    const now = left.filter(({ name }) => targets.has(name))
    left = left.filter(({ name }) => !targets.has(name))
    await waitFor('their effects', async () => {
      // As objects() has it, and the Jobs.
      const all = JSON.stringify(JSON.parse(await lab.kubectl(['get', `${KINDS},jobs`, '-A', '-o', 'json'])))
      const pids = await lab.partPids()
      const running = [...pids.keys()]
      const down = parts.filter(part => !running.includes(part))
      // A node of spot-termination is soon gone.
      const isGone = (target = '') => NODES.includes(target) && !all.includes(`"name":"${target}"`)
      const isTouched = ({ name }: Scenario) =>
        all.includes(`"kube-otel-lab/scenario":"${name}"`) || isGone(targets.get(name)) || paused === name
      const paused = targets.has('etcd-slow') && (await isPaused(pids.get('etcd'))) ? 'etcd-slow' : undefined
      const touched = now.filter(isTouched)
      assert.equal(touched.length + down.length, now.length, `${touched.map(({ name }) => name)}; down: ${down}`)
    })
    const silent = NODES.filter(
      node =>
        targets.has('kubelets-down') || [...targets].some(([name, each]) => each === node && refusesScrapes(name)),
    )
    await waitFor('the kubelets', async () => assert.deepEqual(await silentNodes(lab), silent))
    await check(now)
    assertDone(await lab.make(['kwok-heal']))
    await assertHealed(lab, before, parts)
  }
}

/** Whether a process is stopped within the next seconds, as etcd-slow does again and again. The API answers only in between. */
async function isPaused(pid: number | undefined): Promise<boolean> {
  for (const untilMs = Date.now() + 6_000; Date.now() < untilMs; await sleep(50)) {
    if (/ T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return true
  }
  return false
}

async function assertHealed(lab: TestLab, before: readonly string[], parts: readonly string[]): Promise<void> {
  await waitFor('the objects of before', async () => assertSameWords(await objects(lab), before), 180_000)
  assert.deepEqual(await silentNodes(lab), [])
  assert.deepEqual([...(await lab.partPids()).keys()], parts)
}

/** All objects, by owner and template. Jobs come and go. */
async function objects(lab: TestLab): Promise<string[]> {
  const list = items(fields(JSON.parse(await lab.kubectl(['get', KINDS, '-A', '-o', 'json'])))['items'])
  return list.flatMap(object => {
    const { kind, metadata, spec, status, webhooks } = fields(object)
    const { name, namespace, annotations, labels, ownerReferences } = fields(metadata)
    const [{ kind: ownerKind, name: owner } = {}] = items(ownerReferences).map(fields)
    if (ownerKind === 'Job') return []
    // Those of an autoscaler follow the usage of the moment.
    const ready = kind === 'HorizontalPodAutoscaler' ? [] : items(fields(status)['conditions']).map(fields)
    const conditions = ready.map(({ type, status }) => `${type}=${status}`).sort()
    const all = {
      kind,
      namespace,
      name: owner ?? name,
      annotations,
      labels,
      conditions: undefined,
      spec,
      status,
      webhooks,
    }
    const kept = JSON.stringify(all, (key, value) => (CHANGING.test(key) ? undefined : value))
    return [`${conditions.join()} ${kept.replaceAll(/kube-api-access-\w{5}/g, 'kube-api-access')}`]
  })
}

/** The nodes whose kubelet does not answer. */
async function silentNodes(lab: TestLab): Promise<string[]> {
  const answers = NODES.map(async node => {
    const answer = await fetch(kubeletUrl(lab, `/nodes/${node}/stats/summary`)).catch(() => undefined)
    const body = (await answer?.json().catch(() => undefined)) as { node?: { nodeName?: string } } | undefined
    return body?.node?.nodeName === node ? [] : [node]
  })
  return (await Promise.all(answers)).flat()
}
