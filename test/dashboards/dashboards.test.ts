import assert from 'node:assert/strict'
import type { Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { suite } from 'uvu'
import { catalog } from '../../dashboards/catalog.ts'
import { labDashboard, line, row } from '../../dashboards/dashboard.ts'
import { labDashboards } from '../../dashboards/index.ts'
import { notPorted } from '../../dashboards/not-ported.ts'
import { stat, table, timeseries } from '../../dashboards/panel-builders.ts'
import { recordedSeries } from '../../dashboards/rules/index.ts'
import { uids } from '../../dashboards/uids.ts'
import { knownSeries } from '../../lib/checks/lint/lab-metrics.ts'
import { queryFacts } from '../../lib/checks/verify/panel-queries.ts'
import { queryKey } from '../../lib/checks/verify/query-expectations.ts'
import { assertSameWords } from '../support/lab.ts'

const all = labDashboards()
const known = knownSeries(catalog, recordedSeries())
const panelsOf = (dashboard: (typeof all)[number]) =>
  (dashboard.json.panels ?? []).filter((panel): panel is Panel => panel.type !== 'row')
const targetsOf = (panel: Panel) => (panel.targets ?? []) as Dataquery[]
/** A dashboard's own menu, and every text that leads to another. */
const linksIn = (json: unknown) => [...JSON.stringify(json).matchAll(/"url":"([^"]+)"/g)].map(([, url = '']) => url)

const isOfPods: ReadonlySet<string> = new Set([
  ...[uids.namespacePods, uids.namespaceWorkloads, uids.pod, uids.workload, uids.nodePods],
  ...[uids.networkNamespacePods, uids.networkNamespaceWorkload, uids.networkPod, uids.networkWorkload],
])
const dashboards = suite('labDashboards()')

dashboards('has each dashboard once, in a file of the name of its uid', () => {
  assertSameWords(all.map(({ name }) => name).sort(), Object.values(uids).sort(), 'names')
  for (const { name, json } of all) assert.equal(json.uid, name)
  const titles = all.map(({ json }) => json.title ?? '')
  assertSameWords([...new Set(titles)], titles, 'titles')
})

dashboards('is the same each time', () => {
  const text = (given: typeof all) => JSON.stringify(given.map(({ json }) => json))
  assert.equal(text(labDashboards()), text(all))
})

for (const dashboard of all) {
  const { name, json, expectations } = dashboard
  const panels = panelsOf(dashboard)

  dashboards(`${name} is a dashboard of a schema that Grafana has`, () => {
    assert(json.schemaVersion >= 39 && json.schemaVersion <= 42, `schemaVersion ${json.schemaVersion}`)
    assert.equal(json.editable, false)
    assert.deepEqual(json.time, { from: 'now-1h', to: 'now' })
    assert.match(json.uid ?? '', /^[a-z0-9-]{3,40}$/)
    assert((json.description ?? '').length > 10, 'description')
    assert.deepEqual(json.tags, ['kube-otel-lab'])
  })

  dashboards(`${name} has ids once, and panels of its grid that do not overlap`, () => {
    const placed = (json.panels ?? []) as (Panel | RowPanel)[]
    const ids = placed.map(({ id }) => String(id))
    assertSameWords([...new Set(ids)], ids, 'ids')
    const taken = new Map<string, string>()
    for (const { gridPos, title = '' } of placed) {
      const { x, y, w, h } = gridPos ?? assert.fail(`${title} has no place`)
      assert(x >= 0 && w > 0 && h > 0 && x + w <= 24, `${title} is at ${x}, ${w} wide`)
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          const key = `${column} ${line}`
          assert.equal(taken.get(key), undefined, `${title} lies over ${taken.get(key)}`)
          taken.set(key, title)
        }
      }
    }
  })

  dashboards(`${name} says of each panel what it is, in what unit, and asks the chosen Prometheus`, () => {
    const titles = panels.map(({ title = '' }) => title)
    assertSameWords([...new Set(titles)], titles, 'titles')
    for (const panel of panels) {
      const { title = '', description = '', datasource, fieldConfig } = panel
      assert.match(description, /^[A-Z].*[.]$/, title)
      assert.notEqual(fieldConfig?.defaults.unit ?? '', '', `${title} has no unit`)
      const refIds = targetsOf(panel).map(({ refId = '' }) => refId)
      assert(refIds.length > 0, `${title} asks nothing`)
      assertSameWords([...new Set(refIds)], refIds, `refIds of ${title}`)
      for (const each of [datasource, ...targetsOf(panel).map(target => target.datasource)])
        assert.deepEqual(each, { type: 'prometheus', uid: `\${datasource}` }, title)
    }
  })

  dashboards(`${name} excuses nothing that can't be checked, and checks it with metrics that are known`, () => {
    for (const [key, { truth, emptyWhen, nanWhen }] of expectations.queries) {
      for (const excuse of [emptyWhen, nanWhen]) {
        if (excuse === undefined) continue
        const { given, noneOf, noAlerts } = excuse
        const isChecked = given !== undefined || noneOf !== undefined || noAlerts === true
        // A truth says what has to be there, but nothing of NaN.
        assert(isChecked || (truth !== undefined && excuse === emptyWhen), `${key}: ${excuse.because}`)
        for (const expr of [given, noneOf]) {
          if (expr === undefined) continue
          const { metrics } = queryFacts(expr)
          assert(metrics.length > 0, expr)
          for (const metric of metrics) assert(known(metric) !== undefined, `${key} asks for ${metric}`)
        }
      }
    }
  })

  dashboards(`${name} asks "now" once and "over time" as a range`, () => {
    for (const panel of panels) {
      for (const { instant, range, format } of targetsOf(panel)) {
        const way = panel.type === 'timeseries' ? [false, true, 'time_series'] : [true, false]
        const asked = panel.type === 'timeseries' ? [instant ?? false, range, format] : [instant, range ?? false]
        assert.deepEqual(asked, way, panel.title)
        if (panel.type === 'table') assert.equal(format, 'table')
      }
    }
  })

  dashboards(`${name} says of cAdvisor's and the hosts' numbers where they come from`, () => {
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

  dashboards(`${name} knows things of queries that it has`, () => {
    const keys = new Set(
      panels.flatMap(panel => targetsOf(panel).map(({ refId = '' }) => queryKey(panel.title ?? '', refId))),
    )
    for (const key of expectations.queries.keys()) assert(keys.has(key), key)
  })

  dashboards(
    `${name} leads to dashboards that there are, with the datasource, the time and variables that they have`,
    () => {
      for (const url of linksIn(json)) {
        // Into Explore: a test of its own.
        if (url.startsWith('/explore?')) continue
        const { pathname, search } = new URL(url, 'http://grafana')
        const [, uid] = /^\/d\/([^/]+)$/.exec(pathname) ?? assert.fail(url)
        const target = all.find(each => each.name === uid) ?? assert.fail(`${url} leads nowhere`)
        const variables = (target.json.templating.list ?? []).map(variable => variable.name)
        for (const [, variable = ''] of decodeURIComponent(search).matchAll(/[?&]var-(\w+)=/g))
          assert(variables.includes(variable), `${uid} has no variable ${variable}`)
        assert(url.includes(`\${datasource:queryparam}`) && url.includes(`\${__url_time_range}`), url)
      }
    },
  )

  dashboards(`${name} takes from a row only what the row has`, () => {
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

  dashboards(`${name} chains its variables, and lets several values or all be chosen`, () => {
    const variables = json.templating.list ?? []
    const seen: string[] = []
    for (const { name: variable, type, query, multi, includeAll, allValue, datasource, current } of variables) {
      if (type !== 'datasource') {
        // Of traced services other series name more, so All is what is listed.
        const isListed = /traces_span_metrics_/.test(String(query)) && variable !== 'cluster'
        const allMeans = isListed ? undefined : '.+'
        // Where All would be every pod of the cluster, one namespace or node is chosen at first.
        const first = (isOfPods.has(name) && { namespace: 'shop', node: 'kwok-node-0000' }[variable]) || '$__all'
        assert.deepEqual([multi, includeAll, allValue, current?.value], [true, true, allMeans, [first]], variable)
        assert.deepEqual(datasource, { type: 'prometheus', uid: `\${datasource}` })
        // Each by the chosen values of all before it.
        const narrowing = seen.filter(each => each !== 'datasource' && !(variable === 'node' && each === 'namespace'))
        for (const parent of narrowing) assert(String(query).includes(`"$${parent}"`), `${variable} by ${parent}`)
      }
      seen.push(variable)
    }
    assert.deepEqual(variables[0] && firstChoice(variables[0]), ['datasource', 'prometheus'])
  })

  dashboards(`${name} uses each of its variables, and no other`, () => {
    const known = (json.templating.list ?? []).map(variable => variable.name)
    const expressions = panels.flatMap(panel => targetsOf(panel).map(({ expr }) => expr)).join('\n')
    const queried = (json.templating.list ?? []).map(({ query }) => String(query)).join('\n')
    // $1 is label_replace's.
    const used = [...expressions.matchAll(/\$([a-z_]\w*)/g)].map(([, variable = '']) => variable)
    for (const variable of used) assert(known.includes(variable) || variable.startsWith('__'), `$${variable}`)
    for (const variable of known) {
      const isUsed = variable === 'datasource' || `${expressions}\n${queried}`.includes(`"$${variable}"`)
      assert(isUsed, `nothing asks by $${variable}`)
    }
  })
}

dashboards('leads from the cluster down to the pod, and from the node to it', () => {
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
  dashboards(`leads from a service to its traces in ${store}`, () => {
    const boutique = labDashboards(store).find(({ name }) => name === uids.boutique)
    const urls = linksIn(boutique?.json).filter(url => url.startsWith('/explore?'))
    assert.equal(urls.length, 1)
    const [url = ''] = urls
    // What Grafana puts in stands unencoded, or it would not be found.
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

dashboards('needs what not every lab has, where it is about that', () => {
  const needs = (uid: string) => all.find(({ name }) => name === uid)?.expectations.prerequisites
  assert.deepEqual(needs(uids.boutique), ['traces'])
  assert.deepEqual(needs(uids.traces), ['trace-simulator'])
  assert.deepEqual(needs(uids.kwokMetrics), ['kwok-metrics'])
  assert.deepEqual(needs(uids.customMetrics), ['example-metrics'])
})

dashboards('multiplies bytes by 8 wherever bits are shown', () => {
  for (const dashboard of all) {
    for (const panel of panelsOf(dashboard)) {
      if (panel.fieldConfig?.defaults.unit !== 'bps') continue
      for (const { expr } of targetsOf(panel)) assert.match(expr, /^8 \* /, `${dashboard.name} ${panel.title}`)
    }
  }
})

dashboards('leaves no more out of kubernetes-mixin than it says', () => {
  const titles = new Map(all.map(({ json, ...rest }) => [json.title, panelsOf({ json, ...rest }).length]))
  // Panels there, of facts counted on its rendered JSON.
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
    const out = notPorted.filter(({ dashboard, panel }) => dashboard === title && !panel.includes('the line')).length
    const here = titles.get(`Kubernetes / ${title}`) ?? 0
    assert(here + out >= count, `${title} has ${here} of ${count} panels, and ${out} are said to be left out`)
  }
})
dashboards.run()

function firstChoice({ name, current }: VariableModel): unknown[] {
  return [name, current?.value]
}

const one = suite('labDashboard()')
const text = { title: 'A', description: 'What it is.', unit: 'short' }
const given = { uid: uids.overview, title: 'T', description: 'd', prerequisites: [], variables: [] }

one('places panels of a line side by side, the last one up to the edge', () => {
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

one('refuses two panels of one title', () => {
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
  table({
    ...text,
    keys: [{ label: 'k8s_pod_name', name: 'Pod' }],
    columns: names.map(name => ({ name, query: { expr: 'up' } })),
  }).panel.transformations
tables('joins by all labels and names the columns in their order', () => {
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
tables("knows that Grafana does not number a lone query's values", () => {
  assert.deepEqual(look('CPU')?.[1]?.options.renameByName, { k8s_pod_name: 'Pod', Value: 'CPU' })
})
tables.run()
