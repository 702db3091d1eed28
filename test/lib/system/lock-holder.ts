// Takes the lock at its first argument. Then adds one to the number in its second, a file, ten times over, letting go in
// between; or holds on until it is killed when that is "hold".
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../../lib/cli/errors.ts'
import { takeLock } from '../../../lib/system/lock.ts'

const [path = '', act = ''] = process.argv.slice(2)
const options = { path, waitMs: 60_000, refusal: () => new LabError('it is held for too long') }
if (act === 'hold') {
  await takeLock(options)
  await sleep(600_000)
}
for (let at = 0; at < 10; at++) {
  const release = await takeLock(options)
  const number = Number(readFileSync(act, 'utf8'))
  await sleep(5)
  writeFileSync(act, String(number + 1))
  release()
}
