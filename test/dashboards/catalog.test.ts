import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { labDashboards, metricCatalog, recordedSeries } from '../../dashboards/index.ts'
import { labMetrics } from '../../lib/checks/lint/lab-metrics.ts'
import { lintDashboards } from '../../lib/checks/lint/lint-dashboards.ts'
import { readDashboard } from '../../lib/grafana/read-dashboard.ts'
import { cadvisorMetrics } from '../../lib/kubelet/endpoints/cadvisor-metrics.ts'
import { kubeletFamilies } from '../../lib/kubelet/endpoints/kubelet-families.ts'
import metricHelp from '../../lib/kubelet/endpoints/metric-help.json' with { type: 'json' }
import { nodeExporterText } from '../../lib/kubelet/endpoints/node-exporter-metrics.ts'
import { parsePromql, selectorsOf } from '../../lib/promql/promql-parser.ts'
import { measuredNode } from '../lib/kubelet/endpoints/measured-node.ts'
import { familiesOf } from '../lib/kubelet/endpoints/metric-families.ts'
import { assertSameWords } from '../support/lab.ts'

const all = metricCatalog()
const ofSource = (source: string) => all.filter(metric => metric.source === source)
const catalog = suite('metricCatalog()')

catalog('has one type and one unit for each name, also where several sources have it', () => {
  const facts = new Set(all.map(({ name, type, unit }) => `${name} ${type} ${unit}`))
  assertSameWords(
    [...facts].map(fact => fact.replace(/ .*/, '')),
    [...new Set(all.map(({ name }) => name))],
    'names',
  )
})

const { from, extras } = measuredNode()
/** Without empty labels, which Prometheus drops. */
const servedFamilies = (text: string) => familiesOf(text.replaceAll(/\w+=""/g, ''))
for (const [source, served] of [
  ['node-exporter', servedFamilies(nodeExporterText(from, extras))],
  ['kubelet-metrics-cadvisor', servedFamilies(cadvisorMetrics(from).text())],
] as const) {
  catalog(`has the labels of ${source}`, () => {
    for (const [name, { labels }] of served) {
      const known = ofSource(source).find(metric => metric.name === name)
      const unknown = [...labels].flatMap(list =>
        list.split(',').filter(label => label !== '' && !known?.labels.includes(label)),
      )
      assert.deepEqual([name, known?.name, unknown], [name, name, []])
    }
  })
}
for (const [source, names] of [
  ['node-exporter', [...familiesOf(nodeExporterText(from, extras)).keys()]],
  ['kubelet-metrics-cadvisor', Object.keys(metricHelp.cadvisor)],
  ['kubelet', Object.keys(kubeletFamilies)],
] as const) {
  catalog(`has all metrics of ${source}, and no others`, () => {
    assertSameWords(
      ofSource(source).map(({ name }) => name),
      names,
      source,
    )
  })
}
catalog('has the types of a kubelet', () => {
  for (const [name, { type }] of Object.entries(kubeletFamilies))
    assert.deepEqual([name, ofSource('kubelet').find(metric => metric.name === name)?.type], [name, type])
})
catalog.run()

const mixed = suite('lintDashboards() of the lab’s dashboards')
mixed('finds each query that has no matcher of its dialect', () => {
  const ofOtel = /k8s_\w+[=!]~?"[^"]*",?\s*/g
  const { shared } = labMetrics(all, [], { dialects: [], partlyListed: [] })
  const readsShared = (expr: string) =>
    selectorsOf(parsePromql(expr).expr).some(({ metric = '' }) => shared.includes(metric))
  const own = labDashboards().map(({ name, json }) => {
    const dashboard = readDashboard(json, name)
    const panels = dashboard.panels.map(panel => ({
      ...panel,
      targets: panel.targets
        .filter(({ expr }) => readsShared(expr) && expr.search(ofOtel) >= 0)
        .map(target => ({ ...target, expr: target.expr.replaceAll(ofOtel, '') })),
    }))
    return { ...dashboard, panels }
  })
  const queries = own.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets))
  const findings = lintDashboards({ own, others: [], catalog: all, recorded: recordedSeries() })
  const found = findings.filter(({ rule, panel }) => rule === 'mixed' && !panel.startsWith('$'))
  assert.equal(new Set(found.map(({ file, panel, refId }) => `${file} ${panel} ${refId}`)).size, queries.length)
  assert(queries.length > 20, `${queries.length} queries`)
})
mixed.run()
