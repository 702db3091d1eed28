import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bundle } from '../../lib/services/daemon-bundle.ts'
import { tempDir } from './temp-lab.ts'

/** A script of the tests with all it imports as one ES module, for those that start it several times: tsx takes a second of CPU time for each start. Returns its path. */
export async function bundledScript(script: string): Promise<string> {
  const file = join(tempDir(), `${basename(script, '.ts')}.mjs`)
  writeFileSync(file, (await bundle(script)).code)
  return file
}
