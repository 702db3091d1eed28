/** action.yml and its script. What they run is a lab with the checks of it, which other tests run. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { projectDir } from '../../lib/lab/lab.ts'
import { tempDir } from '../support/temp-lab.ts'

const read = (file: string) => readFileSync(join(projectDir, file), 'utf8')
const script = join(projectDir, '.ci', 'check')

interface Step {
  uses?: string
  run?: string
  env?: Record<string, string>
  with?: Record<string, string>
}
const { inputs, runs } = parse(read('action.yml')) as { inputs: Record<string, object>; runs: { steps: Step[] } }
const lines = runs.steps.flatMap(({ run }) => run ?? [])

const action = suite('action.yml')

action('uses each of its inputs, and no other', () => {
  const values = runs.steps.flatMap(step => Object.values({ ...step.env, ...step.with }))
  const used = values.flatMap(value => [...String(value).matchAll(/\binputs\.([\w-]+)/g)].map(([, name]) => name))
  assert.deepEqual([...new Set(used)].sort(), Object.keys(inputs).sort())
})

action('gives its scripts nothing but variables', () => {
  for (const line of lines) assert(!line.includes('${{'), line)
})

action('uses the actions of the workflow, at the same versions', () => {
  const workflow = read('.github/workflows/ci.yaml')
  for (const { uses } of runs.steps) {
    if (uses === undefined) continue
    const [, name, version] = /^(actions\/[\w-]+)(?:\/\w+)?(@v\d+)$/.exec(uses) ?? assert.fail(uses)
    assert(workflow.includes(`uses: ${name}${version}\n`), uses)
  }
})

action('calls paths, targets and tasks that exist', () => {
  const called = [...lines, readFileSync(script, 'utf8').replace(/^ *#.*$/gm, '')].join('\n')
  const paths = [...called.matchAll(/\$GITHUB_ACTION_PATH\/([\w./-]+)|\b((?:lib|kwok-config|tasks)\/[\w./-]+)/g)]
  assert(paths.length > 4, `${paths.length}`)
  for (const [, below, path = below ?? ''] of paths) assert(existsSync(join(projectDir, path)), path)
  const targets = [...called.matchAll(/\bmake (?:-C \S+ )?([a-z-]+)/g)].map(([, target = '']) => target)
  assert.deepEqual([...new Set(targets)].sort(), ['kwok', 'kwok-down', 'programs'])
  for (const target of targets) assert.match(read('Makefile'), new RegExp(`^## ${target}: `, 'm'))
})
action.run()

const check = suite('.ci/check')

/** Runs the script in a new folder, with commands in place of make and npx that print their arguments and fail at some. */
function run(env: Record<string, string>, failing = 'none') {
  const cwd = tempDir()
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  const log = join(cwd, 'calls')
  writeFileSync(log, '')
  for (const name of ['make', 'npx']) {
    const text = `#!/bin/sh\necho "${name} $* RULES_DIR=$RULES_DIR" >>'${log}'\necho '~~~ output'\ncase "$*" in ${failing}) exit 1;; esac\n`
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  }
  const ended = spawnSync('bash', [script], {
    cwd,
    encoding: 'utf8',
    env: { PATH: `${bin}${delimiter}${process.env['PATH']}`, ...env },
  })
  const calls = readFileSync(log, 'utf8').trimEnd().split('\n')
  return { ...ended, cwd, calls, results: join(cwd, 'kube-otel-lab-results') }
}

/** The checks of a run, by the first word of each. */
const names = (calls: readonly string[]) => calls.map(call => call.split(' ').slice(1, 3).join(' ').split(' RULES')[0])
const all = { DASHBOARDS_DIR: 'my boards:/other/*.json', RULES_DIR: 'rules', SCENARIOS: 'crash-loop' }

check('runs each check with the paths of the user, and takes the lab down', () => {
  const { status, calls, cwd, results } = run(all)
  assert.equal(status, 0)
  const steps = [
    'programs',
    'tsx tasks/lint-dashboards.ts',
    'kwok',
    'tsx tasks/verify.ts',
    'tsx tasks/verify-alerts.ts',
  ]
  assert.deepEqual(names(calls), [...steps, 'tsx tasks/report.ts', 'kwok-down'])
  const paths = `--dashboards ${cwd}/my boards --dashboards /other/*.json`
  assert(calls[3]?.includes(` ${paths} --rules ${cwd}/rules `), calls[3])
  assert(calls[5]?.includes(` ${paths} --out ${results}/report.html`), calls[5])
  assert(calls[2]?.endsWith(`RULES_DIR=${cwd}/rules`), calls[2])
  const summary = readFileSync(join(results, 'summary.md'), 'utf8')
  assert.equal(summary.match(/^### [\w-]+: passed$/gm)?.length, 6)
  assert.match(summary, /^ {4}~~~ output$/m)
  assert(readdirSync(results).includes('verify.log'))
})

check('runs the other checks after one that failed, and fails', () => {
  const summary = join(tempDir(), 'summary')
  const { status, calls } = run({ ...all, GITHUB_STEP_SUMMARY: summary }, '*lint*')
  assert.equal(status, 1)
  assert.deepEqual(names(calls).slice(-2), ['tsx tasks/report.ts', 'kwok-down'])
  assert.match(readFileSync(summary, 'utf8'), /^### lint: failed$.*^### report: passed$/ms)
})

check('takes down a lab that did not start, and checks nothing on it', () => {
  const { status, calls } = run({ RULES_DIR: 'rules' }, 'kwok')
  assert.equal(status, 1)
  assert.deepEqual(names(calls), ['programs', 'tsx tasks/lint-dashboards.ts', 'kwok', 'kwok-down'])
})

check('leaves out what has no input', () => {
  const { status, calls } = run({ RULES_DIR: 'rules' })
  assert.equal(status, 0)
  assert.deepEqual(names(calls).slice(3), ['tsx tasks/verify.ts', 'kwok-down'])
  const nothing = run({})
  assert.deepEqual([nothing.status, nothing.calls], [2, ['']])
})
check.run()
