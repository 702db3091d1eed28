/** Traces of Online Boutique while services and Jaeger fail. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertDone, assertSameWords, assertSays, killHard, type TestLab, waitFor } from '../../../support/lab.ts'
import { openSharedLab } from '../../../support/shared-lab.ts'
import { suite } from '../../../support/suite.ts'
import { isFailed, NAMESPACE, requests, WAIT_MS } from '../../../support/traces.ts'

const traces = suite<{ lab: TestLab }>('traces of a lab with failures')
traces.before(async context => {
  context.lab = (await openSharedLab()).lab
})

const log = (lab: TestLab) => readFileSync(join(lab.dir, 'logs', 'traces.log'), 'utf8')

traces('have errors only upstream of a service without ready pods, until it is ready again', async ({ lab }) => {
  const scale = async (replicas: number) => {
    await lab.kubectl(['scale', 'deployment/paymentservice', '-n', NAMESPACE, `--replicas=${replicas}`])
  }
  const upstream = ['checkoutservice', 'frontend', 'loadgenerator']
  await scale(0)
  await waitFor(
    'errors upstream',
    async () => {
      const spans = (await requests(lab, '5s')).flat()
      const failed = new Set(spans.filter(isFailed).map(span => span.service))
      assertSameWords([...failed], upstream, 'failing services')
      assert(!spans.some(span => span.service === 'paymentservice'), 'spans of paymentservice')
    },
    WAIT_MS,
  )
  // A part of a trace may be under way to Jaeger.
  await waitFor('errors of requests that need it alone', async () => {
    for (const spans of await requests(lab, '5s')) {
      const asked = spans.some(span => span.tags['error.type'] === '14')
      assert.equal(spans.some(isFailed), asked)
    }
  })
  await scale(2)
  await waitFor(
    'end of the errors',
    async () => {
      const spans = (await requests(lab, '5s')).flat()
      assert(
        spans.some(span => span.service === 'paymentservice'),
        'no span of paymentservice',
      )
      assert.equal(spans.filter(isFailed).length, 0)
    },
    WAIT_MS,
  )
})

traces('a variable that names no Service is reported once, and the simulation continues', async ({ lab }) => {
  await lab.kubectl(['set', 'env', 'deployment/adservice', '-n', NAMESPACE, 'LOST_ADDR=nowhere:80'])
  const said = /Deployment online-boutique\/adservice: LOST_ADDR=nowhere:80 names no Service, not used/g
  await waitFor('the problem', () => assertSays(log(lab), said), WAIT_MS)
  await lab.kubectl(['set', 'env', 'deployment/adservice', '-n', NAMESPACE, 'LOST_ADDR-'])
  assert.equal(log(lab).match(said)?.length, 1)
})

traces('a Jaeger that hangs is reported as unhealthy', async ({ lab }) => {
  const pid = (await lab.partPids()).get('jaeger') ?? assert.fail('no Jaeger')
  process.kill(pid, 'SIGSTOP')
  try {
    const { exitCode, stdout } = await lab.make(['kwok-status'])
    assert.notEqual(exitCode, 0)
    assertSays(stdout, /^jaeger +unhealthy +/m)
    assertSays(stdout, /\nUnhealthy: jaeger: http:\S+: no answer in 3 s\n {2}Next: read .*jaeger\.log\n/)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await waitFor('a healthy Jaeger', async () => assertDone(await lab.make(['kwok-status'])))
})

traces('continue after Jaeger and the collector were down, and lost spans are counted', async ({ lab }) => {
  const pids = await lab.partPids()
  for (const part of ['jaeger', 'collector']) killHard(pids.get(part) ?? assert.fail(part))
  await waitFor('report of the failure', () => assertSays(log(lab), /cannot send to http:.*ECONNREFUSED/), WAIT_MS)
  assertDone(await lab.make(['kwok-jaeger']))
  assertDone(await lab.make(['kwok-collector']))
  await waitFor('report of its end', () => assertSays(log(lab), /accepts them again; \d+ spans failed/), WAIT_MS)
  await waitFor('new traces', async () => assert((await requests(lab, '5s')).length > 0, 'none'), WAIT_MS)
  assert.equal((await lab.partPids()).get('traces'), pids.get('traces'))
})

traces.run()
