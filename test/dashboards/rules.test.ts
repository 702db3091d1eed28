import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse, picklist, strictObject, string } from 'valibot'
import { stringify } from 'yaml'
import { ruleFiles } from '../../dashboards/rules/index.ts'
import { programPath } from '../../lib/programs/programs.ts'
import { run } from '../../lib/system/run.ts'
import { assertSameWords } from '../support/lab.ts'
import { alertCases } from './alert-cases.ts'
import { type AlertCase, type RecordCase, recordCases } from './rule-cases.ts'

/** An alert of the lab: a field more or less is a fault. Each annotation is one line; the runbook has the first steps to take. */
const alertRule = strictObject({
  alert: string(),
  expr: string(),
  for: string(),
  labels: strictObject({ severity: picklist(['critical', 'warning', 'info']) }),
  annotations: strictObject({ summary: string(), description: string(), runbook: string() }),
})

const groups = ruleFiles().flatMap(file => file.groups)
const rules = groups.flatMap(group => group.rules)
const recordings = rules.flatMap(({ record, labels }) => (record === undefined ? [] : [{ record, labels }]))
const alerts = rules.filter(rule => rule.alert !== undefined).map(rule => parse(alertRule, rule))
const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-rules-'))
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))

/** The files of all cases, each in a folder of its own. */
const caseFiles: string[] = []

/** Writes one case for `promtool test rules`, with rules of some names alone, as others would record the same series. Returns its check. */
function ruleCase(
  name: string,
  isWanted: (name: string) => boolean,
  test: Record<string, unknown>,
): () => Promise<void> {
  const folder = join(dir, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  const kept = groups.map(group => ({
    ...group,
    rules: group.rules.filter(rule => isWanted(rule.record ?? rule.alert ?? '')),
  }))
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: kept }))
  const file = join(folder, 'test.yaml')
  const tests = [{ interval: '10s', ...test }]
  writeFileSync(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '10s', fuzzy_compare: true, tests }))
  caseFiles.push(file)
  return async () => {
    if ((await testAllCases()).exitCode === 0) return
    const { exitCode, stdout, stderr } = await testRules([file])
    assert.equal(`${exitCode}`, '0', `${stdout}\n${stderr}`)
  }
}

const testRules = async (paths: readonly string[]) =>
  await run(await programPath('promtool'), ['test', 'rules', ...paths], { nothrow: true })

/** One run for all cases: to start promtool takes longer than a case. */
let all: ReturnType<typeof testRules> | undefined
async function testAllCases(): ReturnType<typeof testRules> {
  all ??= testRules(caseFiles)
  return await all
}

const inputs = (series: RecordCase['series']) => series.map(([name, values]) => ({ series: name, values }))

const recording = suite('recording rules')
for (const { record, fact, series, at, select = '', gives } of recordCases) {
  recording(
    `${record}${select} ${fact}`,
    ruleCase(`${record}${select}${fact}`, name => /:/.test(name), {
      input_series: inputs(series),
      promql_expr_test: [
        {
          // In millionths: the last bits of a quotient do not matter.
          expr: `round(1e6 * ${record}${select})`,
          eval_time: at,
          exp_samples: gives.map(([labels, value]) => ({ labels, value: Math.round(1e6 * value) })),
        },
      ],
    }),
  )
}
recording('have a case each', () => {
  const key = (record: string, verb: unknown = '') => `${record} ${verb}`
  const wanted = recordings.map(({ record, labels }) => key(record, labels['verb']))
  const tested = recordCases.map(({ record, select = '' }) => key(record, /verb="(\w+)"/.exec(select)?.[1]))
  assertSameWords([...new Set(tested)].sort(), [...new Set(wanted)].sort(), 'recording rules with a case')
})
recording.run()

/** An annotation as it reads for the labels and the value of a case. A label that the alert does not have is a fault. */
function rendered(text: string, { labels, value }: AlertCase): string {
  return text
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? assert.fail(`no label ${label}`))
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, () => value ?? assert.fail('the case has no value'))
}

const alerting = suite('alerts')
for (const given of alertCases) {
  const rule = alerts.find(({ alert }) => alert === given.alert)
  const test = () => {
    const { labels, annotations } = rule ?? assert.fail(`there is no alert ${given.alert}`)
    const expected = {
      exp_labels: { ...given.labels, ...labels },
      exp_annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, text]) => [name, rendered(text, given)]),
      ),
    }
    return {
      input_series: inputs(given.series),
      alert_rule_test: [
        { alertname: given.alert, eval_time: given.notAt, exp_alerts: [] },
        { alertname: given.alert, eval_time: given.firesAt, exp_alerts: [expected] },
      ],
    }
  }
  alerting(
    `${given.alert} fires only for the bad object, and only after its duration`,
    ruleCase(given.alert, name => name === given.alert, test()),
  )
}
alerting('have a case each', () => {
  const names = (all: readonly { alert: string }[]) => all.map(({ alert }) => alert).sort()
  assertSameWords(names(alertCases), names(alerts), 'alerts with a case')
})
alerting('name their cluster, by which dashboards select them', () => {
  for (const { alert, expr } of alerts) {
    if (expr.startsWith('absent(')) continue
    const { labels } = alertCases.find(each => each.alert === alert) ?? assert.fail(alert)
    assert('k8s_cluster_name' in labels, alert)
  }
})
alerting('have a summary, a description and a runbook of one line each', () => {
  for (const { alert, annotations } of alerts) {
    for (const text of Object.values(annotations)) assert.match(text, /^\S[^\n]{10,}$/, alert)
    assert.match(annotations.runbook, /\.$/, alert)
  }
})
alerting.run()

const files = suite('rule files')
files('are accepted by promtool', async () => {
  const { stdout } = await run(await programPath('promtool'), [
    'check',
    'rules',
    '--lint=all',
    '--lint-fatal',
    ...ruleFiles().map(({ file }) => file),
  ])
  const found = [...stdout.matchAll(/SUCCESS: (\d+) rules found/g)].map(([, count]) => Number(count))
  assert.equal(
    found.reduce((sum, count) => sum + count, 0),
    rules.length,
  )
})
files('set no evaluation interval, so that the one of Prometheus applies', () => {
  for (const group of groups) assert.equal('interval' in group, false)
})
files.run()
