/**
 * Each scenario twice on one lab: what the API and the kubelets show, verify during it, and the objects after healing. Then the alerts of all,
 * and with them their series. test/e2e/plain/scenarios.test.ts has what differs by the mechanism.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { effectMs } from '../../lib/checks/alerts/alert-plan.ts'
import { chosenScenarios } from '../../lib/checks/alerts/verify-alerts.ts'
import { fields, items } from '../../lib/kube/json.ts'
import { refusesScrapes } from '../../lib/lab/manifest.ts'
import { assertDone, assertSameWords, createTestLab, type TestLab, waitFor } from '../support/lab.ts'
import { kubeletUrl } from '../support/stats-proxy.ts'
import { suite } from '../support/suite.ts'

/** All, or those of a run by hand: SCENARIOS=crash-loop,node-drained npx tsx test/run.ts long scenarios. */
const SCENARIOS = process.env['SCENARIOS'] ?? 'all'
const NODES = Array.from({ length: 10 }, (_, at) => `kwok-node-000${at}`)
/** When the series of a scenario have settled. */
const SETTLED_MS = 120_000
const KINDS =
  'nodes,pods,deployments,statefulsets,daemonsets,resourcequotas,hpa,pdb,pvc,pv,resourceusages.kwok.x-k8s.io,validatingwebhookconfigurations'
/** What the API server, the scheduler and time set, and what a scenario may leave: restarts, and an old version of a workload. */
const CHANGING =
  /^(uid|resourceVersion|managedFields|generation|observedGeneration|creationTimestamp|\w+Time|startedAt|finishedAt|restartCount|lastState|containerID|nodeName|hostIPs?|podIPs?|deployment\.kubernetes\.io\/revision|message|currentMetrics|conditions)$/

const running = suite<{ lab: TestLab; before: string[]; parts: string[] }>('each scenario')
running.before(async context => {
  context.lab = await createTestLab('scenarios', { COLLECTION_INTERVAL: '5s' })
  const { lab } = context
  assertDone(await lab.make(['kwok', `NODE_COUNT=${NODES.length}`, 'POD_COUNT=40']))
  await waitFor('verify', async () => assertDone(await lab.make(['verify'])), 300_000)
  context.before = await objects(lab)
  context.parts = [...(await lab.partPids()).keys()]
})
running.after(({ lab }) => lab?.cleanUp())

for (const { name, effect, breaksMeasuring } of chosenScenarios(SCENARIOS)) {
  for (const time of [1, 2]) {
    running(`${name}, time ${time}`, async ({ lab, before, parts }) => {
      const ended = await lab.make(['kwok-scenario', `SCENARIO=${name}`, 'FOR=60m'])
      assertDone(ended)
      const [, target = ''] = / runs on \w+ (\S+) until /.exec(ended.stdout) ?? assert.fail(ended.stdout)
      await waitFor('its effect', async () => {
        const touched = (await objects(lab)).filter(each => each.includes(`"kube-otel-lab/scenario":"${name}"`))
        const now = [...(await lab.partPids()).keys()]
        const down = parts.filter(part => !now.includes(part))
        assert.equal(Math.min(touched.length, 1) + down.length, 1, `${touched.length} objects; down: ${down.join()}`)
      })
      const silent = name === 'kubelets-down' ? NODES : refusesScrapes(name) ? [target] : []
      await waitFor('the kubelets', async () => assert.deepEqual(await silentNodes(lab), silent))
      if (time === 2) {
        await sleep(effectMs(effect) + SETTLED_MS)
        const { exitCode, stdout } = await lab.make(['verify'])
        const failed = stdout.split('\n').filter(line => line.startsWith('FAILED'))
        const expected = breaksMeasuring === undefined ? [] : [`FAILED Scenarios / ${name}: not measured`]
        assert.deepEqual([exitCode, failed], [expected.length === 0 ? 0 : 2, expected], stdout)
      }
      assertDone(await lab.make(['kwok-heal']))
      await waitFor('the objects of before', async () => assertSameWords(await objects(lab), before), 180_000)
      assert.deepEqual(await silentNodes(lab), [])
      assert.deepEqual([...(await lab.partPids()).keys()], parts)
    })
  }
}

running('raises and ends its alerts', async ({ lab }) => {
  assertDone(await lab.make(['verify-alerts', `SCENARIOS=${SCENARIOS}`], { limitMs: 90 * 60_000 }))
})
running.run()

/** All objects, by owner and template. Jobs come and go. */
async function objects(lab: TestLab): Promise<string[]> {
  const list = items(fields(JSON.parse(await lab.kubectl(['get', KINDS, '-A', '-o', 'json'])))['items'])
  return list.flatMap(object => {
    const { kind, metadata, spec, status, webhooks } = fields(object)
    const { name, namespace, annotations, labels, ownerReferences } = fields(metadata)
    if (namespace === 'batch') return []
    const owner = items(ownerReferences).map(each => fields(each)['name'])[0]
    const ready = items(fields(status)['conditions']).map(fields)
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
    return [`${conditions.join()} ${JSON.stringify(all, (key, value) => (CHANGING.test(key) ? undefined : value))}`]
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
