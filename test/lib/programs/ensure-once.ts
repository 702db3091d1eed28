/** Run by tests as a process of its own: ensures etcd with the test source, its options as JSON in the first argument. */
import { ensurePrograms } from '../../../lib/programs/ensure-programs.ts'
import { testSource } from './program-fixture.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as { go?: boolean; origins: Record<string, string> }
const source = testSource(options.go === true ? { go: {} } : {})
const found = await ensurePrograms(['etcd'], { ...options, catalog: [source] })
process.stdout.write(`${found.etcd.path}\n`)
