/** The end of the shared lab: the last file that opens it. */
import assert from 'node:assert/strict'
import { fields } from '../../../../lib/kube/json.ts'
import { assertDone, assertSays } from '../../../support/lab.ts'
import { openSharedLab, type SharedLab } from '../../../support/shared-lab.ts'
import { suite } from '../../../support/suite.ts'

const down = suite<SharedLab>('make kwok-down')
down.before(async context => {
  Object.assign(context, await openSharedLab())
})

down('leaves nothing, also while a scenario runs, and restores the previous context', async ({ lab, creation }) => {
  assertDone(await lab.make(['kwok-scenario', 'SCENARIO=node-not-ready']))
  const ended = await lab.make(['kwok-down'])
  assertDone(ended)
  assertSays(ended.stdout, /is down; nothing of it is left/)
  assert.equal(fields(lab.kubeconfigContent())['current-context'], 'elsewhere')
  await lab.assertNothingLeft(creation.kubeconfigBefore)
})
down.run()
