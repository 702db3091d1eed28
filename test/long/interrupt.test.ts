/** Ctrl-C at each moment of make kwok that a test can recognize. test/e2e/bad-luck.test.ts has three that differ in kind. */

import { interrupt, moments } from '../support/interrupt.ts'
import { assertDone, createTestLab, type TestLab } from '../support/lab.ts'
import { suite } from '../support/suite.ts'

const smallLab = ['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']
const interrupted = suite<{ lab: TestLab }>('make kwok after Ctrl-C')
interrupted.before(async context => {
  context.lab = await createTestLab('interrupt', { COLLECTION_INTERVAL: '2s' })
})
interrupted.after(({ lab }) => lab?.cleanUp())

for (const moment of Object.keys(moments) as (keyof typeof moments)[]) {
  interrupted(`is stopped when ${moment}`, async ({ lab }) => {
    await interrupt(lab, smallLab, moment)
  })
}

interrupted('brings up the lab, and kwok-down leaves nothing', async ({ lab }) => {
  assertDone(await lab.make(smallLab))
  assertDone(await lab.task('kwok-status'))
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(undefined)
})
interrupted.run()
