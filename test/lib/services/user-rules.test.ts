import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse, stringify } from 'yaml'
import { readRuleFiles, rulesOf } from '../../../lib/prometheus/rule-files.ts'
import {
  alertsCopyName,
  alertsLockPath,
  applyUserRules,
  checkedRuleFiles,
  userRulesDir,
  userRulesLines,
  userRulesStatus,
  watchUserRules,
} from '../../../lib/services/user-rules.ts'
import { tempDir, tempLab, until } from '../../support/temp-lab.ts'

const alert = (name: string, expr = 'up == 0', more: object = {}) => ({ alert: name, expr, ...more })
const file = (...rules: object[]) => stringify({ groups: [{ name: 'g', rules }] })

/** Writes rule files into a new folder. */
function folderWith(files: Record<string, string>): string {
  const dir = tempDir()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

const reading = suite('readRuleFiles()')

reading('reads rule files, PrometheusRule objects and ConfigMaps', () => {
  const groups = [{ name: 'g', partial_response_strategy: 'warn', rules: [{ record: 'a:b', expr: 1 }, alert('A')] }]
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'r' },
    spec: { groups },
  }
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { 'x.rules': file(alert('B')) } }
  const dir = folderWith({
    'a.rules': file(alert('C')),
    'b.yaml': [object, map].map(each => stringify(each)).join('---\n'),
    'c.json': JSON.stringify({ groups: [{ name: 'empty' }] }),
  })
  const { found, refused, skipped } = readRuleFiles([dir])
  assert.deepEqual([refused, skipped], [[], []])
  assert.deepEqual(
    rulesOf(found).map(
      ({ file, group, index, name }) => `${file.source.replace(`${dir}/`, '')}: ${group} ${index} ${name}`,
    ),
    [
      'a.rules: g 0 C',
      'b.yaml, PrometheusRule r: g 0 a:b',
      'b.yaml, PrometheusRule r: g 1 A',
      'b.yaml, ConfigMap m, x.rules: g 0 B',
    ],
  )
  assert.equal(new Set(found.map(({ fileName }) => fileName)).size, 4)
  const ofObject = parse(found[1]?.text ?? '').groups[0]
  assert.deepEqual([ofObject.name, ofObject.rules[0].expr, Object.keys(ofObject)], ['g', '1', ['name', 'rules']])
})

reading('refuses rules without a query or a name by their place, and what is empty or a template', () => {
  const dir = folderWith({
    'a.yaml': 'groups: [{ name: g, rules: [{ alert: A }] }]\n',
    'b.yaml': 'groups: [1]\n',
    'c.yaml': 'groups: [{ name: g, rules: [{ expr: up }] }]\n',
    'd.yaml': 'groups:\n{{- if .Values.rules }}\n- name: g\n{{- end }}\n',
    'e.yaml': `groups: ${'['.repeat(9_999)}`,
    'f.yaml': Array.from({ length: 999 }, (_, at) => `${' '.repeat(at)}a:\n`).join(''),
  })
  const { refused } = readRuleFiles([dir])
  const messages = refused.map(({ error }) => error.message.replace(`${dir}/`, ''))
  assert.match(
    messages.join('\n'),
    new RegExp(
      [
        '^a\\.yaml has no rules of Prometheus: groups\\.0\\.rules\\.0\\.expr: .*',
        'b\\.yaml has no rules of Prometheus: groups\\.0: .*',
        'c\\.yaml has no rules of Prometheus: groups\\.0\\.rules\\.0: it needs either "record" or "alert"',
        'Cannot read d\\.yaml:2:1: .*',
        'Cannot read e\\.yaml: it is nested too deeply',
        'Cannot read f\\.yaml: it is nested too deeply$',
      ].join('\n'),
    ),
  )
  assert.equal(refused[3]?.error.next, 'if it is a template, name what the template renders')
  const empty = folderWith({ 'a.yaml': '# nothing\n---\n' })
  const [nothing] = readRuleFiles([join(empty, 'a.yaml')]).refused
  assert.match(nothing?.error.message ?? '', /^There is no rule file at \S+a\.yaml: it is empty$/)
})

reading('reads what YAML and editors make of correct rules', () => {
  const text = 'groups:\n- name: 1\n  rules:\n  - alert: 2\n    expr: up\n- name: empty\n  rules:\n'
  const dir = folderWith({ 'a.yaml': `\uFEFF${text.replaceAll('\n', '\r\n')}`, 'b.json': '\uFEFF{"groups": []}' })
  const { found, refused } = readRuleFiles([dir])
  assert.deepEqual([rulesOf(found).map(({ group, name }) => `${group} ${name}`), refused], [['1 2'], []])
})

reading('reads ten thousand rules', () => {
  const rules = Array.from({ length: 10_000 }, (_, at) =>
    alert(`A${at}`, `sum by (namespace) (rate(m${at}_total[5m])) > ${at}`),
  )
  const dir = folderWith({ 'a.json': JSON.stringify({ groups: [{ name: 'g', rules }] }) })
  const { found, refused } = readRuleFiles([dir])
  assert.deepEqual([rulesOf(found).length, refused], [10_000, []])
})
reading.run()

const checking = suite('checkedRuleFiles()')
checking('refuses by name what promtool refuses, with its reason, and keeps the rest', async () => {
  const dir = folderWith({
    'good.yaml': file(alert('Says "hello"', 'up == 0', { for: '5m', annotations: { summary: '{{ $labels.job }}' } })),
    'same.yaml': file(alert('Other')),
    'query.yaml': file(alert('Fine'), alert('Says "no"', 'sum(up')),
    'template.yaml': file(alert('T', 'up', { annotations: { summary: '{{ $labels.x' } })),
    'field.yaml': file(alert('F', 'up', { fore: '5m' })),
  })
  const { found, refused } = await checkedRuleFiles([dir])
  assert.deepEqual(
    found.map(({ source }) => source.replace(`${dir}/`, '')),
    ['good.yaml', 'same.yaml'],
  )
  const messages = refused.map(({ error }) => error.message.replaceAll(`${dir}/`, ''))
  assert.equal(messages.length, 3)
  assert.match(messages[0] ?? '', /^promtool refuses field\.yaml: .*field fore not found/)
  assert.match(
    messages[1] ?? '',
    /^promtool refuses query\.yaml: group "g", rule 2, "Says \\"no\\"": could not parse expression: .*unclosed left parenthesis$/,
  )
  assert.match(messages[2] ?? '', /^promtool refuses template\.yaml: .*"T": .*unclosed action$/)
})
checking.run()

const applying = suite('applyUserRules()')
const namesIn = (dir: string) => readdirSync(dir).map(name => name.replace(/-\w{8}\.yaml$/, ''))

applying('writes the rules, keeps the last good ones of a broken file, and forgets deleted files', async () => {
  const dir = folderWith({ 'a.yaml': file(alert('A')), 'b.yaml': file(alert('B')), 'c.yaml': file(alert('C')) })
  const lab = tempLab({ rulesDir: `${dir}:${join(dir, 'b.yaml')}` })
  const first = await applyUserRules(lab)
  assert.deepEqual([first.hasChanged, first.files.length, first.refused], [true, 3, []])
  assert.equal((await applyUserRules(lab)).hasChanged, false)
  // Broken as YAML, refused by promtool, a folder in its place, and deleted.
  writeFileSync(join(dir, 'a.yaml'), 'groups: [\n')
  writeFileSync(join(dir, 'b.yaml'), file(alert('B', 'sum(')))
  rmSync(join(dir, 'c.yaml'))
  const second = await applyUserRules(lab)
  assert.equal(second.hasChanged, true)
  assert.deepEqual(namesIn(userRulesDir(lab)), ['a', 'b'])
  const texts = readdirSync(userRulesDir(lab)).map(name => readFileSync(join(userRulesDir(lab), name), 'utf8'))
  assert.match(texts.join('\n'), /alert: A[\s\S]*alert: B\n\s+expr: up == 0/)
  const lines = userRulesLines(userRulesStatus(lab)).map(line => line.replaceAll(`${dir}/`, ''))
  assert.equal(lines[0], 'Rules   2 of RULES_DIR, in 2 files')
  assert.match(lines[1] ?? '', /^Refused: Cannot read a\.yaml:2:1: .*\. Its last good rules stay loaded$/)
  assert.match(lines[2] ?? '', /^Refused: promtool refuses b\.yaml: .*\. Its last good rules stay loaded$/)
  // Still after another run, and until it is correct.
  await applyUserRules(lab)
  writeFileSync(join(dir, 'a.yaml'), file(alert('New')))
  assert.deepEqual((await applyUserRules(lab)).refused.length, 1)
  assert.deepEqual(namesIn(userRulesDir(lab)), ['a', 'b'])
  const off = { ...lab, settings: { ...lab.settings, rulesDir: 'none' } }
  await applyUserRules(off)
  assert.deepEqual([namesIn(userRulesDir(lab)), userRulesLines(userRulesStatus(lab))], [[], []])
})

applying('names files that are a folder, a link to nothing, or too large, and loads the rest', async () => {
  const dir = folderWith({ 'good.yaml': file(alert('A')), 'large.yaml': '' })
  mkdirSync(join(dir, 'folder.yaml'))
  symlinkSync('folder.yaml', join(dir, 'link.yaml'))
  symlinkSync('nowhere.yaml', join(dir, 'gone.yaml'))
  truncateSync(join(dir, 'large.yaml'), 200 * 2 ** 20)
  const { files, refused } = await applyUserRules(tempLab({ rulesDir: dir }))
  assert.equal(files.length, 1)
  const messages = refused.map(({ why }) => why.replaceAll(`${dir}/`, '').replace(/ENOENT.*/, 'ENOENT'))
  assert.deepEqual(messages, [
    'Cannot read gone.yaml: ENOENT',
    'Cannot read large.yaml: it has 200 MiB, more than the 10 MiB that the lab reads',
    'Cannot read link.yaml: it is not a regular file',
  ])
})
applying.run()

const watching = suite('watchUserRules()')
watching('applies a change once its file is at rest, and calls reload only for other rules', async () => {
  const dir = folderWith({ 'a.yaml': file(alert('A')) })
  const lab = tempLab({ rulesDir: dir })
  let reloads = 0
  const lines: string[] = []
  const look = watchUserRules({ open: () => lab, reload: async () => reloads++, say: line => lines.push(line) })
  const reloaded = async (count: number) => {
    await until(`reload ${count}`, async () => {
      await look()
      return reloads === count
    })
  }
  await reloaded(1)
  writeFileSync(join(dir, 'a.yaml'), file(alert('B')))
  await reloaded(2)
  writeFileSync(join(dir, 'a.yaml'), '{')
  await until('a line about the broken file', async () => {
    await look()
    return lines.at(-1)?.startsWith('Refused: ') === true
  })
  assert.equal(reloads, 2)
})

watching('removes the alerts of a verify-alerts that has ended, and of no other', async () => {
  const lab = tempLab()
  const copy = join(userRulesDir(lab), alertsCopyName)
  mkdirSync(userRulesDir(lab), { recursive: true })
  writeFileSync(copy, file(alert('A')))
  let reloads = 0
  const look = () => watchUserRules({ open: () => lab, reload: async () => reloads++, say: () => {} })()
  const holder = spawn('sleep', ['60'])
  const lock = JSON.stringify({ pid: holder.pid, program: 'sleep' })
  writeFileSync(alertsLockPath(lab), lock)
  await look()
  assert.deepEqual([existsSync(copy), reloads], [true, 0])
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  await look()
  assert.deepEqual([existsSync(copy), reloads], [false, 1])
})
watching.run()
