import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { suite } from 'uvu'
import { metricCatalog } from '../../dashboards/catalog.ts'
import { labDashboard, line, row } from '../../dashboards/dashboard.ts'
import { labDashboards } from '../../dashboards/index.ts'
import { builtPanel, stat, table, timeseries } from '../../dashboards/panel-builders.ts'
import { recordedSeries } from '../../dashboards/rules/index.ts'
import { uids } from '../../dashboards/uids.ts'
import { knownSeries } from '../../lib/checks/lint/lab-metrics.ts'
import { queryFacts } from '../../lib/checks/verify/panel-queries.ts'
import { queryKey } from '../../lib/checks/verify/query-expectations.ts'
import { projectDir } from '../../lib/system/project-dir.ts'
import { assertSameWords } from '../support/lab.ts'

const all = labDashboards()
const known = knownSeries(metricCatalog(), recordedSeries())
const panelsOf = (dashboard: (typeof all)[number]) =>
  (dashboard.json.panels ?? []).filter((panel): panel is Panel => panel.type !== 'row')
const targetsOf = (panel: Panel) => (panel.targets ?? []) as Dataquery[]
/** The URLs of all links. */
const linksIn = (json: unknown) => [...JSON.stringify(json).matchAll(/"url":"([^"]+)"/g)].map(([, url = '']) => url)

const isOfPods: ReadonlySet<string> = new Set([
  ...[uids.namespacePods, uids.namespaceWorkloads, uids.pod, uids.workload, uids.nodePods],
  ...[uids.networkNamespacePods, uids.networkNamespaceWorkload, uids.networkPod, uids.networkWorkload],
])
const dashboards = suite('labDashboards()')

dashboards('have unique titles, and uids as the names of their files', () => {
  assertSameWords(all.map(({ name }) => name).sort(), Object.values(uids).sort(), 'names')
  for (const { name, json } of all) assert.equal(json.uid, name)
  const titles = all.map(({ json }) => json.title ?? '')
  assertSameWords([...new Set(titles)], titles, 'titles')
})

dashboards('are the same in each call', () => {
  const text = (given: typeof all) => JSON.stringify(given.map(({ json }) => json))
  assert.equal(text(labDashboards()), text(all))
})

for (const dashboard of all) {
  const { name, json, expectations } = dashboard
  const panels = panelsOf(dashboard)

  dashboards(`${name} has a schema version of Grafana, and the settings of all dashboards`, () => {
    assert(json.schemaVersion >= 39 && json.schemaVersion <= 42, `schemaVersion ${json.schemaVersion}`)
    assert.equal(json.editable, false)
    assert.deepEqual(json.time, { from: 'now-1h', to: 'now' })
    assert.match(json.uid ?? '', /^[a-z0-9-]{3,40}$/)
    assert((json.description ?? '').length > 10, 'description')
    assert.deepEqual(json.tags, ['kube-otel-lab'])
  })

  dashboards(`${name} has unique ids, and panels in the grid that do not overlap`, () => {
    const placed = (json.panels ?? []) as (Panel | RowPanel)[]
    const ids = placed.map(({ id }) => String(id))
    assertSameWords([...new Set(ids)], ids, 'ids')
    const taken = new Map<string, string>()
    for (const { gridPos, title = '' } of placed) {
      const { x, y, w, h } = gridPos ?? assert.fail(`${title} has no place`)
      assert(x >= 0 && w > 0 && h > 0 && x + w <= 24, `${title} is at column ${x} and ${w} wide`)
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          const key = `${column} ${line}`
          assert.equal(taken.get(key), undefined, `${title} overlaps ${taken.get(key)}`)
          taken.set(key, title)
        }
      }
    }
  })

  dashboards(`${name} has a description, a unit and the selected datasource in each panel`, () => {
    const titles = panels.map(({ title = '' }) => title)
    assertSameWords([...new Set(titles)], titles, 'titles')
    for (const panel of panels) {
      const { title = '', description = '', datasource, fieldConfig } = panel
      assert.match(description, /^[A-Z].*[.]$/, title)
      assert.notEqual(fieldConfig?.defaults.unit ?? '', '', `${title} has no unit`)
      const refIds = targetsOf(panel).map(({ refId = '' }) => refId)
      assert(refIds.length > 0, `${title} has no query`)
      assertSameWords([...new Set(refIds)], refIds, `refIds of ${title}`)
      for (const each of [datasource, ...targetsOf(panel).map(target => target.datasource)])
        assert.deepEqual(each, { type: 'prometheus', uid: `\${datasource}` }, title)
    }
  })

  dashboards(`${name} has exceptions that verify can check, with metrics of the catalog`, () => {
    for (const [key, { truth, emptyWhen, nanWhen }] of expectations.queries) {
      for (const excuse of [emptyWhen, nanWhen]) {
        if (excuse === undefined) continue
        const { given, noneOf, noAlerts } = excuse
        const isChecked = given !== undefined || noneOf !== undefined || noAlerts === true
        // A truth decides about missing series, but not about NaN.
        assert(isChecked || (truth !== undefined && excuse === emptyWhen), `${key}: ${excuse.because}`)
        for (const expr of [given, noneOf]) {
          if (expr === undefined) continue
          const { metrics } = queryFacts(expr)
          assert(metrics.length > 0, expr)
          for (const metric of metrics) assert(known(metric) !== undefined, `${key} has the unknown metric ${metric}`)
        }
      }
    }
  })

  dashboards(`${name} sends range queries for time series and instant queries for other panels`, () => {
    for (const panel of panels) {
      for (const { instant, range, format } of targetsOf(panel)) {
        const way = panel.type === 'timeseries' ? [false, true, 'time_series'] : [true, false]
        const asked = panel.type === 'timeseries' ? [instant ?? false, range, format] : [instant, range ?? false]
        assert.deepEqual(asked, way, panel.title)
        if (panel.type === 'table') assert.equal(format, 'table')
      }
    }
  })

  dashboards(`${name} names cAdvisor and host metrics as the source of their values`, () => {
    for (const panel of panels) {
      const expressions = targetsOf(panel)
        .map(({ expr }) => expr)
        .join(' ')
      const { title = '', description = '' } = panel
      const cadvisor = /container_(cpu_cfs|fs|memory_cache|memory_swap|network)/.test(expressions)
      assert.equal(/cAdvisor/.test(description), cadvisor, `${title}: ${description}`)
      assert.equal(/host metrics/.test(description), /\bsystem_/.test(expressions), `${title}: ${description}`)
    }
  })

  dashboards(`${name} has expectations only of its own queries`, () => {
    const keys = new Set(
      panels.flatMap(panel => targetsOf(panel).map(({ refId = '' }) => queryKey(panel.title ?? '', refId))),
    )
    for (const key of expectations.queries.keys()) assert(keys.has(key), key)
  })

  dashboards(`${name} links to existing dashboards, with the datasource, the time range and their variables`, () => {
    for (const url of linksIn(json)) {
      // Links to Explore have their own test.
      if (url.startsWith('/explore?')) continue
      const { pathname, search } = new URL(url, 'http://grafana')
      const [, uid] = /^\/d\/([^/]+)$/.exec(pathname) ?? assert.fail(url)
      const target = all.find(each => each.name === uid) ?? assert.fail(`${url} links to no dashboard`)
      const variables = (target.json.templating.list ?? []).map(variable => variable.name)
      for (const [, variable = ''] of decodeURIComponent(search).matchAll(/[?&]var-(\w+)=/g))
        assert(variables.includes(variable), `${uid} has no variable ${variable}`)
      assert(url.includes(`\${datasource:queryparam}`) && url.includes(`\${__url_time_range}`), url)
    }
  })

  dashboards(`${name} uses in links and overrides only the columns of the table`, () => {
    for (const panel of panels) {
      if (panel.type !== 'table') continue
      const [, organize] = panel.transformations ?? []
      const columns: string[] = Object.values(organize?.options.renameByName)
      const links = JSON.stringify(panel.fieldConfig?.overrides ?? [])
      for (const [, field = ''] of links.matchAll(/__data\.fields\.(\w+)/g)) assert(columns.includes(field), field)
      for (const { matcher } of panel.fieldConfig?.overrides ?? [])
        assert(columns.includes(matcher.options), matcher.options)
    }
  })

  dashboards(`${name} has chained variables with several values and All`, () => {
    const variables = json.templating.list ?? []
    const seen: string[] = []
    for (const { name: variable, type, query, multi, includeAll, allValue, datasource, current } of variables) {
      if (type !== 'datasource') {
        // The labels of traced services have further values on other series, so All is the list.
        const isListed = /traces_span_metrics_/.test(String(query)) && variable !== 'cluster'
        const allMeans = isListed ? undefined : '.+'
        // Where All would be every pod of the cluster, one namespace or node is selected initially.
        const first = (isOfPods.has(name) && { namespace: 'shop', node: 'kwok-node-0000' }[variable]) || '$__all'
        assert.deepEqual([multi, includeAll, allValue, current?.value], [true, true, allMeans, [first]], variable)
        assert.deepEqual(datasource, { type: 'prometheus', uid: `\${datasource}` })
        // The query of each uses all variables before it.
        const narrowing = seen.filter(each => each !== 'datasource' && !(variable === 'node' && each === 'namespace'))
        for (const parent of narrowing) assert(String(query).includes(`"$${parent}"`), `${variable} by ${parent}`)
      }
      seen.push(variable)
    }
    assert.deepEqual(variables[0] && firstChoice(variables[0]), ['datasource', 'prometheus'])
  })

  dashboards(`${name} uses all of its variables and no others`, () => {
    const known = (json.templating.list ?? []).map(variable => variable.name)
    const expressions = panels.flatMap(panel => targetsOf(panel).map(({ expr }) => expr)).join('\n')
    const queried = (json.templating.list ?? []).map(({ query }) => String(query)).join('\n')
    // $1 is label_replace's.
    const used = [...expressions.matchAll(/\$([a-z_]\w*)/g)].map(([, variable = '']) => variable)
    for (const variable of used) assert(known.includes(variable) || variable.startsWith('__'), `$${variable}`)
    for (const variable of known) {
      const isUsed = variable === 'datasource' || `${expressions}\n${queried}`.includes(`"$${variable}"`)
      assert(isUsed, `no query uses $${variable}`)
    }
  })
}

dashboards('link from the cluster down to the pod, and from the node to the pod', () => {
  const leads = (from: string) => linksIn(all.find(({ name }) => name === from)?.json).join(' ')
  for (const [from, to] of [
    [uids.cluster, uids.namespacePods],
    [uids.cluster, uids.namespaceWorkloads],
    [uids.namespacePods, uids.pod],
    [uids.namespaceWorkloads, uids.workload],
    [uids.workload, uids.pod],
    [uids.nodeHealth, uids.nodePods],
    [uids.nodePods, uids.pod],
    [uids.networkCluster, uids.networkNamespacePods],
    [uids.networkCluster, uids.networkNamespaceWorkload],
    [uids.networkNamespaceWorkload, uids.networkWorkload],
  ] as const)
    assert(leads(from).includes(`/d/${to}?`), `${from} to ${to}`)
})

for (const [store, asked] of [
  ['jaeger', { queryType: 'search', service: `\${__data.fields.Service}` }],
  [
    'tempo',
    { queryType: 'traceql', query: `{resource.service.name="\${__data.fields.Service}"}`, tableType: 'traces' },
  ],
] as const) {
  dashboards(`link from a service to its traces in ${store}`, () => {
    const boutique = labDashboards(store).find(({ name }) => name === uids.boutique)
    const urls = linksIn(boutique?.json).filter(url => url.startsWith('/explore?'))
    assert.equal(urls.length, 1)
    const [url = ''] = urls
    // Grafana replaces only variables that are not encoded.
    assert(url.includes(`\${__data.fields.Service}`), url)
    assert.deepEqual(JSON.parse(new URL(url, 'http://grafana').searchParams.get('panes') ?? ''), {
      traces: {
        datasource: store,
        queries: [{ refId: 'A', datasource: { type: store, uid: store }, ...asked, limit: 20 }],
        range: { from: `\${__from}`, to: `\${__to}` },
      },
    })
  })
}

dashboards('have a prerequisite if a lab may lack their data', () => {
  const needs = (uid: string) => all.find(({ name }) => name === uid)?.expectations.prerequisites
  assert.deepEqual(needs(uids.boutique), ['traces'])
  assert.deepEqual(needs(uids.traces), ['trace-simulator'])
  assert.deepEqual(needs(uids.kwokMetrics), ['kwok-metrics'])
  assert.deepEqual(needs(uids.customMetrics), ['example-metrics'])
  assert.deepEqual(needs(uids.kubePrometheus), ['kube-prometheus-metrics'])
  assert.deepEqual(needs(uids.cluster), ['otel-metrics'])
  assert.deepEqual(needs(uids.overview), [])
})

dashboards('need the metrics of the collector in exactly the queries that read them', () => {
  const sources = ['k8s_cluster', 'kubelet_stats', 'host_metrics', 'kubelet-cadvisor']
  const isOfScrape = (name: string) => /^(?:up$|scrape_)/.test(name)
  const names = new Set(
    metricCatalog().flatMap(({ name, source }) => (sources.includes(source) && !isOfScrape(name) ? [name] : [])),
  )
  const isOfCollector = (metric: string) => names.has(metric) || metric.startsWith('namespace_workload')
  let count = 0
  for (const dashboard of all.filter(({ name }) => name !== uids.kubePrometheus)) {
    for (const panel of panelsOf(dashboard)) {
      for (const { expr = '', refId = '' } of targetsOf(panel)) {
        const known = dashboard.expectations.queries.get(queryKey(panel.title ?? '', refId))
        const needs = known?.prerequisites?.includes('otel-metrics') === true
        assert.equal(needs, queryFacts(expr).metrics.some(isOfCollector), expr)
        if (needs) count++
      }
    }
  }
  assert(count > 300, `${count} queries`)
})

dashboards('state the labels of their dialect, which only kube-prometheus metrics have', () => {
  for (const { name, json, expectations } of all) {
    const isOther = name === uids.kubePrometheus
    for (const { truth } of expectations.queries.values())
      if (truth !== undefined) assert.equal(truth.labels !== undefined, isOther, name)
    if (isOther) assert.doesNotMatch(JSON.stringify(json), /k8s_/)
  }
})

dashboards('multiply bytes by 8 in panels of bits', () => {
  for (const dashboard of all) {
    for (const panel of panelsOf(dashboard)) {
      if (panel.fieldConfig?.defaults.unit !== 'bps') continue
      for (const { expr } of targetsOf(panel)) assert.match(expr, /^8 \* /, `${dashboard.name} ${panel.title}`)
    }
  }
})

dashboards('have all panels of kubernetes-mixin but those that the documentation lists', () => {
  const page = readFileSync(join(projectDir, 'docs', 'dashboards.md'), 'utf8')
  const [, table = ''] = /\| Dashboard \| Panel \| Reason \|\n\|---\|---\|---\|\n((?:\|.*\n?)+)/.exec(page) ?? []
  const notIncluded = table.split('\n').map(line =>
    line
      .split('|')
      .slice(1, 3)
      .map(cell => cell.trim()),
  )
  const titles = new Map(all.map(({ json, ...rest }) => [json.title, panelsOf({ json, ...rest }).length]))
  // The number of panels in kubernetes-mixin's rendered JSON.
  const there = new Map([
    ['Compute Resources / Cluster', 22],
    ['Compute Resources / Namespace (Pods)', 18],
    ['Compute Resources / Namespace (Workloads)', 13],
    ['Compute Resources / Node (Pods)', 5],
    ['Compute Resources / Nodes Overview', 5],
    ['Compute Resources / Pod', 16],
    ['Compute Resources / Workload', 13],
    ['Networking / Cluster', 13],
    ['Networking / Namespace (Pods)', 9],
    ['Networking / Namespace (Workload)', 11],
    ['Networking / Pod', 8],
    ['Networking / Workload', 10],
    ['Persistent Volumes', 4],
    ['API server', 17],
    ['Controller Manager', 10],
    ['Scheduler', 9],
  ])
  for (const [title, count] of there) {
    const out = notIncluded.filter(([dashboard, panel]) => dashboard === title && !panel?.includes('the line')).length
    const here = titles.get(`Kubernetes / ${title}`) ?? 0
    assert(here + out >= count, `${title} has ${here} of ${count} panels, and ${out} are listed as not included`)
  }
})
dashboards.run()

function firstChoice({ name, current }: VariableModel): unknown[] {
  return [name, current?.value]
}

const one = suite('labDashboard()')
const text = { title: 'A', description: 'What it is.', unit: 'short' }
const given = { uid: uids.overview, title: 'T', description: 'd', variables: [] }

one('places the panels of a line side by side; the last one extends to the edge', () => {
  const panel = (title: string) => stat({ ...text, title, query: { expr: 'up' } })
  const { json } = labDashboard({
    ...given,
    rows: [row('R', line(3, ...['1', '2', '3', '4', '5'].map(panel)), line(5, panel('6')))],
  })
  const places = (json.panels ?? []).map(({ gridPos }) => [gridPos?.x, gridPos?.y, gridPos?.w, gridPos?.h])
  assert.deepEqual(places, [
    [0, 0, 24, 1],
    [0, 1, 4, 3],
    [4, 1, 4, 3],
    [8, 1, 4, 3],
    [12, 1, 4, 3],
    [16, 1, 8, 3],
    [0, 4, 24, 5],
  ])
})

one('refuses two panels with the same title', () => {
  const twice = line(3, stat({ ...text, query: { expr: 'up' } }), stat({ ...text, query: { expr: 'up' } }))
  assert.throws(() => labDashboard({ ...given, rows: [row('R', twice)] }), /^Error: T has two panels "A"$/)
})

one('keeps the expectations of queries, by panel and refId', () => {
  const panel = timeseries({ ...text, queries: [{ expr: 'a' }, { expr: 'b', emptyWhen: { because: 'of me' } }] })
  const { expectations } = labDashboard({ ...given, prerequisites: ['etcd'], rows: [row('R', line(3, panel))] })
  assert.deepEqual(expectations, {
    prerequisites: ['etcd'],
    queries: new Map([['A#B', { emptyWhen: { because: 'of me' } }]]),
  })
})
one.run()

const tables = suite('table()')
const look = (...names: string[]) =>
  builtPanel(
    table({
      ...text,
      keys: [{ label: 'k8s_pod_name', name: 'Pod' }],
      columns: names.map(name => ({ name, query: { expr: 'up' } })),
    }),
  ).panel.transformations
tables('merges by all labels, and orders and names the columns', () => {
  assert.deepEqual(look('CPU', 'Memory'), [
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: { k8s_pod_name: 0, 'Value #A': 1, 'Value #B': 2 },
        renameByName: { k8s_pod_name: 'Pod', 'Value #A': 'CPU', 'Value #B': 'Memory' },
      },
    },
  ])
})
tables("uses Grafana's name for the values of a single query", () => {
  assert.deepEqual(look('CPU')?.[1]?.options.renameByName, { k8s_pod_name: 'Pod', Value: 'CPU' })
})
tables.run()
