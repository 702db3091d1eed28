import assert from 'node:assert/strict'
import { createLeader } from '../../../lib/in-cluster/leader.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { waitFor } from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'

const DURATION_MS = 60_000
const leaders = suite('createLeader()')
let server: ApiServer
/** Of all candidates: a slow machine must not end the time of a leader. */
let nowMs = Date.now()

leaders.before(async () => {
  server = await startApiServer()
  await waitFor('namespace default', async () => {
    assert.equal((await server.client.request('GET', '/api/v1/namespaces/default')).status, 200, 'no namespace')
  })
})
leaders.after(async () => await server?.stop())

const candidate = (identity: string, lease: string, client: Pick<ApiServer['client'], 'request'> = server.client) =>
  createLeader({ client, namespace: 'default', lease, identity, durationMs: DURATION_MS, clock: () => nowMs })

leaders('lets one of several lead, who ask at the same time', async () => {
  const all = Array.from({ length: 5 }, (_, index) => candidate(`collector-${index}`, 'same-time'))
  for (let round = 0; round < 3; round++) {
    const leads = await Promise.all(all.map(each => each.tryLead()))
    assert.equal(leads.filter(each => each).length, 1, String(leads))
  }
})

leaders('lets another lead at once when the leader resigns, and after the duration when it is silent', async () => {
  const [first, second] = [candidate('collector-0', 'handed'), candidate('collector-1', 'handed')]
  assert.deepEqual([await first.tryLead(), await second.tryLead()], [true, false])
  await first.resign()
  assert.equal(await second.tryLead(), true)
  assert.equal(await first.tryLead(), false)
  nowMs += DURATION_MS - 1
  assert.equal(await first.tryLead(), false)
  nowMs += 2
  assert.deepEqual([await first.tryLead(), await second.tryLead()], [true, false])
})

leaders('stops leading when it cannot renew', async () => {
  let isReachable = true
  const leader = candidate('collector-0', 'lost', {
    request: async (...args) => {
      if (!isReachable) throw new Error('unreachable')
      return await server.client.request(...args)
    },
  })
  assert.equal(await leader.tryLead(), true)
  isReachable = false
  nowMs += DURATION_MS - 1
  assert.equal(await leader.tryLead(), true)
  nowMs += 1
  assert.equal(await leader.tryLead(), false)
})
leaders.run()
