import { orNone, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { type CheckContext, firstOf } from './check-query.ts'
import { queryFacts } from './panel-queries.ts'
import type { Reading } from './pass-criteria.ts'
import type { Failure } from './verify-report.ts'

/** Retries of kube-state-metrics are up to 30 s apart. */
const LIST_ERRORS_RANGE = '2m'
/** How long ago a metric may have had its last series. */
const LOST_MS = 86_400_000

/** The commands that show the state of a lab, and that restore the rights of its kube-state-metrics. */
export interface LabCommands {
  status: string
  rights: string
}

const KWOK_COMMANDS: LabCommands = { status: 'make kwok-status', rights: 'make kwok' }

/** Why Prometheus lacks series of a cluster. */
export interface ScrapeProblems {
  /** Targets that do not answer, parts that do not run, and what kube-state-metrics cannot list. */
  notes: string[]
  /** The jobs all of whose targets are down. */
  jobs: readonly string[]
  /** Other parts of the lab that do not run. */
  parts: readonly string[]
}

/** Finds the causes of missing series in a cluster; `stopped` are the parts of the lab that do not run. */
export async function scrapeProblems(
  api: Pick<PrometheusApi, 'instant'>,
  { states, untilMs }: Reading,
  { stopped = [], commands = KWOK_COMMANDS }: { stopped?: readonly string[]; commands?: LabCommands } = {},
): Promise<ScrapeProblems> {
  if (states === undefined) return { notes: [], jobs: [], parts: [] }
  const name = states.now.snapshot.clusterName
  const errors = `kube_state_metrics_list_total{cluster="${name}", result="error"}[${LIST_ERRORS_RANGE}]`
  const up = (value: number) => `up{k8s_cluster_name="${name}"} == ${value} or up{cluster="${name}"} == ${value}`
  const [down = [], alive = [], unlisted = []] = await Promise.all(
    [`count by (job) (${up(0)})`, `count by (job) (${up(1)})`, `sum by (resource) (increase(${errors})) > 0`].map(
      async query => (await orNone(api.instant(query, untilMs))) ?? [],
    ),
  )
  const isAlive = (job: string | undefined) => alive.some(({ labels }) => labels['job'] === job)
  const resources = unlisted.map(({ labels }) => labels['resource'] ?? '').sort()
  const jobs = down.flatMap(({ labels: { job = '' } }) => (isAlive(job) ? [] : [job]))
  const parts = stopped.filter(part => !jobs.includes(part))
  return {
    notes: [
      ...down.map(
        ({ labels, value }) =>
          `Prometheus cannot scrape job ${labels['job']} (targets down: ${value}), so its series are missing: ${commands.status}`,
      ),
      ...parts.map(part => `Part ${part} does not run, so its series are missing: ${commands.status}`),
      ...(resources.length === 0
        ? []
        : [
            `kube-state-metrics cannot list ${firstOf(resources)}, so their series are missing: ${commands.rights} restores its rights`,
          ]),
    ],
    jobs,
    parts,
  }
}

/** A failure with its cause, if that is a part that is down: its query needs a metric that Prometheus had before. */
export async function withDownPart(
  failure: Failure,
  { jobs, parts }: ScrapeProblems,
  { api, rules }: Pick<CheckContext, 'api' | 'rules'>,
  untilMs: number,
): Promise<Failure> {
  if (jobs.length + parts.length === 0 || failure.query === '') return failure
  const before = { fromMs: untilMs - LOST_MS, untilMs }
  const { metrics } = queryFacts(failure.query)
  for (const metric of new Set(metrics.flatMap(each => [each, ...(rules.get(each)?.metrics ?? [])]))) {
    const series = (await orNone(api.instant(`count(${metric})`, untilMs))) ?? []
    if (series.length > 0) continue
    const jobsBefore = await orNone(api.labelValues('job', metric, before))
    const job = jobs.find(each => jobsBefore?.includes(each))
    const isLost = parts.length > 0 && ((await orNone(api.labelValues('__name__', metric, before))) ?? []).length > 0
    const part = job ?? (isLost ? parts.join(', ') : undefined)
    if (part === undefined) continue
    return { ...failure, hint: `${part} is down, which has ${metric}`, cause: { name: 'down', subject: part } }
  }
  return failure
}
