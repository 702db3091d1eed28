import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LabError, UsageError } from '../cli/errors.ts'
import { fields, text } from '../kube/json.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { run } from '../system/run.ts'
import { readUserFile } from '../system/yaml-files.ts'
import { labNamespace } from './agreement.ts'

/** The name of the chart in a repository. */
const CHART = 'opentelemetry-collector'

/** Helm's arguments that name a chart: from a repository, from an OCI registry, or a folder or archive on this machine. */
export function chartArgs(chart: string): string[] {
  if (chart.startsWith('https://')) return [CHART, '--repo', chart, '--version', versions.otelChart]
  return chart.startsWith('oci://') ? [chart, '--version', versions.otelChart] : [resolve(chart)]
}

/** Helm's arguments that install a release, or change it; `mark` is what it is known by. */
export function installArgs(
  release: string,
  given: { context: string; chart: string; valuesPath: string; mark: string },
): string[] {
  const cluster = ['--kube-context', given.context, '--namespace', labNamespace]
  return [
    ...['upgrade', release, ...chartArgs(given.chart), '--install', ...cluster],
    ...['--values', given.valuesPath, '--description', given.mark, '--history-max', '2', '--timeout', '2m'],
  ]
}

/** Helm's arguments that remove a release and wait until its objects are gone. */
export function uninstallArgs(release: string, context: string): string[] {
  return ['uninstall', release, '--kube-context', context, '--namespace', labNamespace, '--wait', '--timeout', '2m']
}

/** Helm's arguments that ask how a release is. */
export function statusArgs(release: string, context: string): string[] {
  return ['status', release, '--kube-context', context, '--namespace', labNamespace, '--output', 'json']
}

/** Refuses a chart on this machine that is none, before anything changes. */
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
 * Makes a release be of these values and this chart; false when it is so already. One that an interrupted or failed run has
 * left half-installed is removed first, since Helm goes on from none but a deployed one.
 *
 * Throws a LabError with Helm's own words.
 */
export async function ensureRelease(lab: Lab, release: string, values: string): Promise<boolean> {
  const chart = lab.settings.otelChart
  const mark = `kube-otel-lab ${chartMark(chart, values)}`
  const { status, description } = await releaseStatus(lab, release)
  if (status === 'deployed' && description === mark) return false
  if (status !== undefined && status !== 'deployed') await uninstallRelease(lab, release)
  ensureLabDirs(lab)
  const valuesPath = join(lab.configDir, `${release}.values.yaml`)
  writeFileAtomically(valuesPath, values)
  const { exitCode, stderr } = await helm(installArgs(release, { context: lab.context, chart, valuesPath, mark }))
  if (exitCode === 0) return true
  const said = stderr.trim().split('\n').slice(-5).join('; ')
  const isAway =
    /no such host|dial tcp|connection refused|i\/o timeout|not a valid chart repository|failed to do request|TLS handshake/.test(
      said,
    )
  throw new LabError(`Helm could not install ${release}`, {
    why: said,
    next: isAway
      ? `see whether ${chart} can be reached, or give a chart of your own: OTEL_CHART=./opentelemetry-collector-${versions.otelChart}.tgz`
      : 'fix the error that Helm reports, then run this again',
  })
}

/** Helm's word for a release (`deployed`, `failed`, `pending-install`, …) and what it is known by; nothing when there is none. */
export async function releaseStatus(lab: Lab, release: string): Promise<{ status?: string; description?: string }> {
  const { exitCode, stdout, stderr } = await helm(statusArgs(release, lab.context))
  if (exitCode !== 0) {
    if (/release: not found/.test(stderr)) return {}
    throw new LabError(`Helm could not ask for ${release}`, { why: stderr.trim() })
  }
  const info = fields(fields(JSON.parse(stdout))['info'])
  const [status, description] = [text(info['status']), text(info['description'])]
  return { ...(status === undefined ? {} : { status }), ...(description === undefined ? {} : { description }) }
}

/** Removes a release; one that isn't there is fine. */
export async function uninstallRelease(lab: Lab, release: string): Promise<void> {
  const { exitCode, stderr } = await helm(uninstallArgs(release, lab.context))
  if (exitCode === 0 || /release: not found/.test(stderr)) return
  throw new LabError(`Helm could not remove ${release}`, { why: stderr.trim().split('\n').slice(-5).join('; ') })
}

/** Sixteen digits that are others when values or chart are; of a chart in a folder, any of its files. */
function chartMark(chart: string, values: string): string {
  const hash = createHash('sha256').update(JSON.stringify([values, chartArgs(chart)]))
  const path = resolve(chart)
  if (!/^(https|oci):\/\//.test(chart)) {
    readUserFile(path, 'set OTEL_CHART to a chart that is there', () => {
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
