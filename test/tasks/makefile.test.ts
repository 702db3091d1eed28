import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab/lab.ts'

const makefile = readFileSync(join(projectDir, 'Makefile'), 'utf8').replaceAll('\\\n', ' ')
const words = (text = '') => text.split(/\s+/).filter(word => word !== '')
const steps = words(/^STEPS := (.*)$/m.exec(makefile)?.[1])
/** The steps that one process runs, by the target. */
const together = {
  kwok: words(/^KWOK_STEPS := (.*)$/m.exec(makefile)?.[1]),
  k3d: words(/^K3D_STEPS := (.*)$/m.exec(makefile)?.[1]),
  'in-cluster': words(/^IN_CLUSTER_STEPS := (.*)$/m.exec(makefile)?.[1]),
}
const help = new Map([...makefile.matchAll(/^## ([\w-]+): (.+)$/gm)].map(([, name = '', text = '']) => [name, text]))
const make = (...args: string[]) =>
  spawnSync('make', ['-C', projectDir, '--no-print-directory', ...args], { encoding: 'utf8' })

const targets = suite('Makefile')

targets('has a target for each task, and a task for each step', () => {
  const tasks = readdirSync(join(projectDir, 'tasks')).map(file => file.replace(/\.ts$/, ''))
  assert(steps.length > 10)
  assert.deepEqual([...steps].sort(), tasks.sort())
})

targets('has every documented target', () => {
  const promised =
    'help kwok kwok-down kwok-status kwok-nodes kwok-pods kwok-workloads doctor bench lint test test-unit test-e2e'
  for (const name of words(promised)) assert(help.has(name), name)
})

targets('describes every step, and only targets that exist', () => {
  for (const step of steps) assert(help.has(step), step)
  const rules = new Set([...makefile.matchAll(/^([\w-]+):/gm)].map(([, name]) => name))
  for (const name of help.keys()) assert(steps.includes(name) || rules.has(name), name)
})

targets('runs the check of make kwok first and waits for metrics last, and has the steps of make k3d', () => {
  assert.equal(together.kwok[0], 'kwok-check')
  assert.equal(together.kwok.at(-1), 'kwok-ready')
  assert.deepEqual(together.k3d, ['dashboards', 'k3d-create-cluster', 'k3d-lgtm', 'k3d-collectors'])
})

for (const [target, list] of Object.entries(together)) {
  targets(`runs the steps of make ${target} in order, in one process, each a target of its own`, () => {
    for (const step of list) assert(steps.includes(step), step)
    const { status, stdout } = make('--dry-run', target, 'NODE_COUNT=3')
    assert.equal(status, 0)
    const files = list.map(step => `tasks/${step}.ts`).join(' ')
    const environment = target === 'kwok' ? 'KUBE_CONTEXT=auto ' : ''
    assert.equal(stdout.trim().split('\n').at(-1), `${environment}node lib/cli/bundled.js lib/cli/steps.ts ${files}`)
  })
}

targets('brings up and heals the KWOK lab in make kwok, whatever KUBE_CONTEXT is', () => {
  const contextIn = (target: string) => make(target, 'KUBE_CONTEXT=mine', 'TASK=printenv KUBE_CONTEXT; :').stdout
  assert.equal(contextIn('kwok'), 'auto\n')
  assert.equal(contextIn('kwok-heal'), 'mine\n')
})

targets('prints its targets without an argument', () => {
  for (const args of [[], ['help']]) {
    const { status, stdout, stderr } = make(...args)
    assert.deepEqual([status, stderr], [0, ''])
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual(
      lines.map(line => line.trim().split(/ {2,}/)),
      [...help].map(([name, text]) => [name, text]),
    )
  }
})

/** Steps that read so much that Node.js is given more room for what is soon let go. */
const readers = new Set(['verify', 'report'])

targets('runs one task for one step', () => {
  for (const step of steps) {
    if (!existsSync(join(projectDir, 'tasks', `${step}.ts`))) continue
    const { status, stdout } = make('--dry-run', step)
    assert.equal(status, 0)
    const options = readers.has(step) ? '--max-semi-space-size=64 lib/cli/bundled.js' : 'lib/cli/bundled.js'
    const file = step.startsWith('programs-') ? ' "$FILE"' : ''
    assert.equal(stdout.trim().split('\n').at(-1), `node ${options} tasks/${step}.ts${file}`)
  }
})
targets.run()
