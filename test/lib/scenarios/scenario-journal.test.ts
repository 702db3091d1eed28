import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import { scenarioJournal } from '../../../lib/scenarios/scenario-journal.ts'
import { tempLab } from '../../support/temp-lab.ts'

const journals = suite('scenarioJournal()')

journals('is read while the holder removes scenarios', async () => {
  const lab = tempLab()
  const path = new URL('../../../lib/scenarios/scenario-journal.ts', import.meta.url)
  const code = `
    import { scenarioJournal } from '${path}'
    const journal = scenarioJournal({ dataDir: ${JSON.stringify(lab.dataDir)} })
    const request = { name: 'crash-loop', target: 'shop/a', startMs: 0, untilMs: 1 }
    for (let times = 0; times < 500; times++) {
      journal.request(request)
      journal.remove(request)
    }`
  const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: 'inherit',
  })
  const ended = once(holder, 'exit')
  const journal = scenarioJournal(lab)
  let found = 0
  while (holder.exitCode === null && holder.signalCode === null) {
    found += journal.requests().length
    await new Promise(setImmediate)
  }
  assert.deepEqual(await ended, [0, null])
  assert(found > 0, 'no request was seen')
})
journals.run()
