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

const historySchema = v.array(v.object({ status: v.string() }))

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
  if (status !== undefined && status !== 'deployed') {
    if (!(await isUpgradable(lab, release, namespace))) await uninstallRelease(lab, release, namespace)
    // Helm takes such an upgrade for one that still runs.
    else if (status.startsWith('pending')) await helm(['rollback', release, ...clusterArgs(lab.context, namespace)])
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

/** Whether Helm can upgrade a release: it does not exist, or it has a revision that was deployed, and is not being uninstalled. */
export async function isUpgradable(lab: Lab, release: string, namespace?: string): Promise<boolean> {
  const at = clusterArgs(lab.context, namespace)
  const { exitCode, stdout } = await helm(['history', release, ...at, '--output', 'json'])
  if (exitCode !== 0) return (await releaseStatus(lab, release, namespace)).status === undefined
  const revisions = v.parse(historySchema, JSON.parse(stdout)).map(({ status }) => status)
  return revisions.includes('deployed') && !revisions.includes('uninstalling')
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
