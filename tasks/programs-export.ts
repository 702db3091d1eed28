/**
 * Writes the programs that the lab has downloaded or built into one archive, to be copied to another machine of the same platform and
 * imported there. Programs on PATH are not in it. Prints the SHA-256 of the archive.
 *
 *   make programs-export FILE=programs.tar.gz
 *   npx tsx tasks/programs-export.ts programs.tar
 */
import { UsageError } from '../lib/cli/errors.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { k3dPrograms, kwokPrograms } from '../lib/programs/program-catalog.ts'
import { describeArchive, exportPrograms } from '../lib/programs/programs-archive.ts'

const about = 'Writes the cached programs into an archive for another machine.'
const positional = [{ name: 'file', help: 'the archive; compressed when its name ends in .gz or .tgz' }]

await runTask({ about, settings: [], positional }, async ({ positional: [file = ''] }) => {
  if (file === '') throw new UsageError('FILE is not set', { next: 'make programs-export FILE=programs.tar.gz' })
  const archive = await exportPrograms(file, [...kwokPrograms, ...k3dPrograms, 'grafana'])
  for (const program of archive.programs) print(program)
  print(`Wrote ${file}: ${describeArchive(archive)}`)
  print(`Next: on the other machine, make programs-import FILE=${file}`)
})
