/**
 * Pins a program, chart or image at a version: in lib/programs/versions.ts, in the Go pins under kwok-config/go/ and, if the release can be
 * reached, the SHA-256 of its files in lib/programs/checksums.json. Image tags that belong to a program follow it. Needs Go and a Go module
 * proxy for programs that are built from pins. Builds nothing; run make programs for that.
 *
 *   npx tsx tasks/update-version.ts kwok 0.8.0
 *   npx tsx tasks/update-version.ts metrics-server 0.9.0
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { sumsFile } from '../lib/programs/checksums.ts'
import { createContext } from '../lib/programs/program-options.ts'
import { updateVersion } from '../lib/programs/update-version.ts'

const about = 'Pins a program, chart or image at a version: lib/programs/versions.ts, Go pins, checksums.'
const positional = [
  {
    name: 'program',
    help: 'a folder of kwok-config/go, or grafana, otel-chart, lgtm, node',
  },
  { name: 'version', help: 'without a leading v' },
]

await runTask({ about, settings: [], positional }, async ({ positional: [program = '', version = ''] }) => {
  const k3dConfig = join(projectDir, 'k3d-config')
  const files = {
    versions: join(projectDir, 'lib', 'programs', 'versions.ts'),
    sums: sumsFile,
    manifests: readdirSync(k3dConfig).map(file => join(k3dConfig, file)),
  }
  for (const line of await updateVersion(program, version, { context: createContext(), files, onStep: say }))
    print(line)
  print('Next: make programs test')
})
