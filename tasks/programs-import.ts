/**
 * Puts the programs of an archive of `make programs-export` into the cache. Every file is checked against the archive's list of SHA-256
 * sums first; the archive's own SHA-256 is printed, to be compared with the one that the export printed.
 *
 *   make programs-import FILE=programs.tar.gz
 *   npx tsx tasks/programs-import.ts programs.tar
 */
import { UsageError } from '../lib/cli/errors.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { describeArchive, importPrograms } from '../lib/programs/programs-archive.ts'

const about = 'Puts the programs of an archive of make programs-export into the cache.'
const positional = [{ name: 'file', help: 'the archive' }]

await runTask({ about, settings: [], positional }, async ({ positional: [file = ''] }) => {
  if (file === '') throw new UsageError('FILE is not set', { next: 'make programs-import FILE=programs.tar.gz' })
  const archive = await importPrograms(file)
  for (const program of archive.programs) print(program)
  print(`Read ${file}: ${describeArchive(archive)}`)
  print('Next: make doctor shows which of them this checkout uses')
})
