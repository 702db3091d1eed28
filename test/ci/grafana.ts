/** Asks a Grafana for dashboards by their uids, and for one query of each datasource. Gives what is wrong, one line each. */
export async function checkGrafana(
  url: string,
  wanted: { dashboards: readonly string[]; datasources: readonly string[] },
): Promise<string[]> {
  const problems: string[] = []
  for (const uid of wanted.dashboards) {
    const { status, body } = await ask(`${url}/api/dashboards/uid/${uid}`)
    const got = (body as { dashboard?: { uid?: unknown } } | undefined)?.dashboard?.uid
    if (status !== 200 || got !== uid) problems.push(`dashboard ${uid}: Grafana answers ${status}`)
  }
  const types = await datasourceTypes(url)
  for (const uid of wanted.datasources) {
    const problem = await queryDatasource(url, uid, types.get(uid))
    if (problem !== undefined) problems.push(`datasource ${uid}: ${problem}`)
  }
  return problems
}

/** The type of each datasource by its uid, as Grafana tells any viewer. */
async function datasourceTypes(url: string): Promise<Map<string | undefined, string | undefined>> {
  const { body } = await ask(`${url}/api/frontend/settings`)
  const { datasources = {} } = Object(body) as { datasources?: Record<string, { uid?: string; type?: string }> }
  return new Map(Object.values(datasources).map(({ uid, type }) => [uid, type]))
}

/** Queries of datasources other than Prometheus, by their own APIs. */
const paths: Readonly<Record<string, string>> = {
  jaeger: 'api/services',
  tempo: 'api/search?limit=1',
  loki: 'loki/api/v1/labels',
}

async function queryDatasource(url: string, uid: string, type: string | undefined): Promise<string | undefined> {
  if (type === undefined) return 'Grafana has none of that uid'
  if (type === 'prometheus') return await queryPrometheus(url, uid)
  const path = paths[type]
  if (path === undefined) return `there is no query for type ${type}`
  const { status } = await ask(`${url}/api/datasources/proxy/uid/${uid}/${path}`)
  return status === 200 ? undefined : `Grafana answers ${status}`
}

async function queryPrometheus(url: string, uid: string): Promise<string | undefined> {
  const datasource = { type: 'prometheus', uid }
  const query = {
    refId: 'A',
    datasource,
    expr: 'count({k8s_cluster_name!=""})',
    instant: true,
    intervalMs: 10_000,
    maxDataPoints: 100,
  }
  const { status, body } = await ask(`${url}/api/ds/query`, { from: 'now-5m', to: 'now', queries: [query] })
  const result = (body as { results?: Record<string, Result> } | undefined)?.results?.['A']
  const values = result?.frames?.flatMap(({ data }) => data?.values?.at(-1) ?? []) ?? []
  if (status !== 200 || result?.error !== undefined) return `Grafana answers ${status} ${result?.error ?? ''}`.trimEnd()
  return values.some(value => Number(value) > 0) ? undefined : 'no series of the lab'
}

interface Result {
  error?: string
  frames?: { data?: { values?: unknown[][] } }[]
}

async function ask(url: string, json?: object): Promise<{ status: number; body: unknown }> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) }
  const answer = await fetch(url, { ...(json && post), signal: AbortSignal.timeout(30_000) })
  return { status: answer.status, body: await answer.json().catch(() => undefined) }
}
