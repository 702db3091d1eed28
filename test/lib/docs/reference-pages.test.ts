import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { fixedSettingNames, setting, settingNames, variableOf } from '../../../lib/cli/settings.ts'
import { settingsPage, stepsPage } from '../../../lib/docs/reference-pages.ts'

const settings = suite('settingsPage()')
const rows = settingsPage()
  .split('\n')
  .filter(line => /^\| `[A-Z_]+` \| `--/.test(line))

settings('has a row for each setting, in order', () => {
  assert.deepEqual(
    rows.map(row => row.split('`')[1]),
    settingNames.map(variableOf),
  )
  assert(rows.includes(`| \`POD_COUNT\` | \`--pod-count\` | \`200\` | ${setting('podCount').help} |  |`))
})

settings('marks the fixed ones', () => {
  const fixed = rows.filter(row => row.endsWith('| yes |'))
  assert.deepEqual(
    fixed.map(row => row.split('`')[1]),
    fixedSettingNames.map(variableOf),
  )
})

settings('has no HTML element but the comment at its top', () => {
  assert.doesNotMatch(settingsPage().replace(/^<!--.*-->/, ''), /</)
})

settings('names the variables of programs and images', () => {
  for (const name of ['KUBE_APISERVER_BINARY', 'GRAFANA_BINARY', 'K3D_BINARY', 'LGTM_IMAGE', 'LAB_IMAGE']) {
    assert(settingsPage().includes(`\`${name}\``), name)
  }
})
settings.run()

const steps = suite('stepsPage()')
const makefile = `## kwok: brings up the lab
KWOK_STEPS := one \\
  two
K3D_STEPS := two
IN_CLUSTER_STEPS := one
## two: does two
## one: does one
`
const source = (name: string) => `/**
 * Does ${name}
 * for <cluster>.
 *
 *   tsx tasks/${name}.ts
 *   kubectl get nodes
 */
import x
`
const help = `Does it.

  <node>                  its name
  --cluster-name <value>  name of the cluster (CLUSTER_NAME, default queries-testing)
  --node-count <value>    nodes (NODE_COUNT, default 50)
  --json <value>          a file
  --bind                  no scheduler
  --help                  print this
`
const page = stepsPage(makefile, [
  { name: 'one', source: source('one'), help },
  { name: 'two', source: source('two'), help: '' },
])

steps('lists the steps of make kwok, make k3d and make in-cluster in order', () => {
  assert(page.includes('\n1. [`one`](#one)\n2. [`two`](#two)\n\n## make k3d'), page)
  assert(page.includes('\n1. [`two`](#two)\n\n## make in-cluster\n\n1. [`one`](#one)\n\n## Targets'), page)
})

steps('separates targets that are not tasks', () => {
  assert(page.includes('| --- | --- |\n| `make kwok` | brings up the lab |\n\n## Tasks'), page)
})

steps('describes each task in the order of the Makefile: text, lines to paste, its own flags, settings', () => {
  assert(page.indexOf('### two') < page.indexOf('### one'))
  const section = page.slice(page.indexOf('### one'))
  assert.equal(
    section,
    `### one

Does one
for &lt;cluster>.

\`\`\`sh
npx tsx tasks/one.ts
kubectl get nodes
\`\`\`

- \`<node>\`: its name
- \`--json <value>\`: a file
- \`--bind\`: no scheduler

Settings: \`NODE_COUNT\`.
`,
  )
})
steps.run()
