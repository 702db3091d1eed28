import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLeader } from '../../../lib/in-cluster/leader.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { suite } from '../../support/suite.ts'

const leaders = suite('createLeader()')
let server: ApiServer

leaders.before(async () => {
  server = await startApiServer()
})
leaders.after(async () => await server?.stop())

const candidate = (identity: string, lease: string, durationMs = 2_000) =>
  createLeader({ client: server.client, namespace: 'default', lease, identity, durationMs })

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
  const startedMs = Date.now()
  while (!(await first.tryLead())) {
    assert(Date.now() - startedMs < 20_000, 'it never leads')
    await sleep(100)
  }
  assert(Date.now() - startedMs >= 1_900, 'it leads too early')
})

leaders('stops leading when it cannot renew', async () => {
  let isReachable = true
  const client: ApiServer['client'] = {
    ...server.client,
    request: async (...args) => {
      if (!isReachable) throw new Error('unreachable')
      return await server.client.request(...args)
    },
  }
  let nowMs = Date.now()
  const leader = createLeader({
    client,
    namespace: 'default',
    lease: 'lost',
    identity: 'a',
    durationMs: 2_000,
    clock: () => nowMs,
  })
  assert.equal(await leader.tryLead(), true)
  isReachable = false
  nowMs += 1_000
  assert.equal(await leader.tryLead(), true)
  nowMs += 1_500
  assert.equal(await leader.tryLead(), false)
})
leaders.run()
