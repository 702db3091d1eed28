import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'
import { LabError, UsageError } from '../cli/errors.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { run } from '../system/run.ts'
import { readUserFile } from '../system/yaml-files.ts'
import { labNamespace } from './agreement.ts'

const releaseSchema = v.object({
  info: v.object({ status: v.optional(v.string()), description: v.optional(v.string()) }),
})

const historySchema = v.array(v.object({ revision: v.number(), status: v.string() }))
type Revision = v.InferOutput<typeof historySchema>[number]

/** The name of the chart in a repository. */
const CHART = 'opentelemetry-collector'

/** The arguments of helm for a chart in a repository, an OCI registry, or a local folder or archive. */
export function chartArgs(chart: string): string[] {
  if (chart.startsWith('https://')) return [CHART, '--repo', chart, '--version', versions.otelChart]
  return chart.startsWith('oci://') ? [chart, '--version', versions.otelChart] : [resolve(chart)]
}

/** The arguments of helm that install or upgrade a release. `mark` becomes its description. */
export function installArgs(
  release: string,
  given: { context: string; chart: string; valuesPath: string; mark: string; namespace?: string },
): string[] {
  return [
    'upgrade',
    release,
    ...chartArgs(given.chart),
    '--install',
    ...clusterArgs(given.context, given.namespace),
    '--values',
    given.valuesPath,
    '--description',
    given.mark,
    '--history-max',
    '2',
    '--timeout',
    '2m',
  ]
}

/** The arguments of helm that uninstall a release and wait until its objects are gone. */
export function uninstallArgs(release: string, context: string, namespace?: string): string[] {
  return ['uninstall', release, ...clusterArgs(context, namespace), '--wait', '--timeout', '2m']
}

function clusterArgs(context: string, namespace = labNamespace): string[] {
  return ['--kube-context', context, '--namespace', namespace]
}

/** Throws a UsageError for a local path that is not a chart. */
export function requireChart(chart: string): void {
  if (/^(https|oci):\/\//.test(chart)) return
  const path = resolve(chart)
  if (existsSync(path) && (statSync(path).isFile() || existsSync(join(path, 'Chart.yaml')))) return
  throw new UsageError(`OTEL_CHART=${chart} is invalid`, {
    why: existsSync(path) ? `${path} has no Chart.yaml` : `there is no ${path}`,
    next: 'set it to a folder with Chart.yaml, a .tgz, or the URL of a repository',
  })
}

/**
 * Installs or upgrades a release; false when it already has these values and this chart. Of an interrupted or failed upgrade it goes back to
 * the revision before; a release without one is uninstalled first, because Helm cannot upgrade it.
 *
 * Throws a LabError with Helm's message.
 */
export async function ensureRelease(
  lab: Lab,
  release: string,
  values: string,
  { chart = lab.settings.otelChart, namespace = labNamespace } = {},
): Promise<boolean> {
  const mark = `kube-otel-lab ${chartMark(chart, values)}`
  const { status, description } = await releaseStatus(lab, release, namespace)
  if (status === 'deployed' && description === mark) return false
  const isFine = status === undefined || status === 'deployed'
  const recovery = isFine ? 'nothing' : recoveryOf(await revisionsOf(lab, release, namespace))
  if (recovery === 'uninstall') await uninstallRelease(lab, release, namespace)
  if (typeof recovery === 'number') {
    const back = await helm(['rollback', release, String(recovery), ...clusterArgs(lab.context, namespace)])
    if (back.exitCode !== 0) {
      throw new LabError(`Helm could not roll ${release} back to revision ${recovery}`, { why: back.stderr.trim() })
    }
  }
  ensureLabDirs(lab)
  const valuesPath = join(lab.configDir, `${release}.values.yaml`)
  writeFileAtomically(valuesPath, values)
  const given = { context: lab.context, chart, valuesPath, mark, namespace }
  const { exitCode, stderr } = await helm(installArgs(release, given))
  if (exitCode === 0) return true
  const why = stderr.trim().split('\n').slice(-5).join('; ')
  const isUnreachable =
    /no such host|dial tcp|connection refused|i\/o timeout|not a valid chart repository|failed to do request|TLS handshake/.test(
      why,
    )
  throw new LabError(`Helm could not install ${release}`, {
    why,
    next: isUnreachable
      ? `check the connection to ${chart}, or use a local chart: OTEL_CHART=./opentelemetry-collector-${versions.otelChart}.tgz`
      : 'fix the error that Helm reports, then run this again',
  })
}

/** The status (`deployed`, `failed`, `pending-install`, …) and description of a release; empty when it does not exist. */
export async function releaseStatus(
  lab: Lab,
  release: string,
  namespace?: string,
): Promise<v.InferOutput<typeof releaseSchema>['info']> {
  const at = clusterArgs(lab.context, namespace)
  const { exitCode, stdout, stderr } = await helm(['status', release, ...at, '--output', 'json'])
  if (exitCode !== 0) {
    if (/release: not found/.test(stderr)) return {}
    throw new LabError(`Helm could not read the status of ${release}`, { why: stderr.trim() })
  }
  return v.parse(releaseSchema, JSON.parse(stdout)).info
}

/** The revisions of a release, the newest last; none when it does not exist. Throws a LabError with Helm's message. */
async function revisionsOf(lab: Lab, release: string, namespace?: string): Promise<Revision[]> {
  const { exitCode, stdout, stderr } = await helm([
    'history',
    release,
    ...clusterArgs(lab.context, namespace),
    '--output',
    'json',
  ])
  if (exitCode === 0) return v.parse(historySchema, JSON.parse(stdout))
  if (/release: not found/.test(stderr)) return []
  throw new LabError(`Helm could not read the history of ${release}`, { why: stderr.trim() })
}

/**
 * What a release needs before Helm can upgrade it: nothing, a rollback to the revision of this number, or to be uninstalled. Helm takes a
 * pending revision for an upgrade that still runs, and upgrades only from a deployed one. At the end of an upgrade it marks the old revision
 * as superseded before the new one is deployed.
 */
export function recoveryOf(revisions: readonly Revision[]): 'nothing' | 'uninstall' | number {
  const newest = (status: string) => revisions.findLast(each => each.status === status)?.revision
  const last = revisions.at(-1)?.status
  if (last === undefined || last === 'deployed') return 'nothing'
  const deployed = newest('deployed')
  if (last === 'failed' && deployed !== undefined) return 'nothing'
  const target = deployed ?? newest('superseded')
  return target === undefined || last.startsWith('uninstall') ? 'uninstall' : target
}

/** Whether a release has to be uninstalled before it can be installed. Throws a LabError with Helm's message. */
export async function mustUninstall(lab: Lab, release: string, namespace?: string): Promise<boolean> {
  return recoveryOf(await revisionsOf(lab, release, namespace)) === 'uninstall'
}

/** Uninstalls a release if it exists. */
export async function uninstallRelease(lab: Lab, release: string, namespace?: string): Promise<void> {
  const { exitCode, stderr } = await helm(uninstallArgs(release, lab.context, namespace))
  if (exitCode === 0 || /release: not found/.test(stderr)) return
  throw new LabError(`Helm could not uninstall ${release}`, { why: stderr.trim().split('\n').slice(-5).join('; ') })
}

/** A hash of the values and the chart, with all files of a local chart. */
function chartMark(chart: string, values: string): string {
  const hash = createHash('sha256').update(JSON.stringify([values, chartArgs(chart)]))
  const path = resolve(chart)
  if (!/^(https|oci):\/\//.test(chart)) {
    readUserFile(path, 'set OTEL_CHART to an existing chart', () => {
      for (const file of filesOf(path)) hash.update(file).update(readFileSync(file))
    })
  }
  return hash.digest('hex').slice(0, 16)
}

function filesOf(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map(name => join(path, name))
    .filter(file => statSync(file).isFile())
    .sort()
}

async function helm(args: readonly string[]) {
  return await run(await programPath('helm'), args, { nothrow: true })
}
