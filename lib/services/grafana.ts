import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { ensureLabDirs, type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { isOk, probe } from '../system/probe.ts'
import { ensureGrafanaPassword, fromFile } from './grafana-password.ts'
import type { Service } from './service.ts'

/** Grafana's provisioning files, as YAML. */
export interface Provisioning {
  datasources: string
  dashboards: string
}

/** The URL of Grafana, or of the lab's page. */
export function grafanaUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.grafanaPort}`
}

/** What Grafana is started with. */
export interface GrafanaInput {
  program: string
  provisioning: Provisioning
}

/**
 * A Grafana binary: on loopback, anonymous users get the Viewer role, and it contacts no other host. Its spec throws a LabError when
 * the files of its release are not found.
 */
export const grafana = {
  name: 'grafana',
  isOptional: true,
  process: {
    isWanted: lab => lab.settings.grafana !== 'none',
    ports: ['grafanaPort'],
    probe: async lab => await probe({ url: healthUrl(lab) }),
    spec: (lab, { program, provisioning }) => {
      writeProvisioning(lab, provisioning)
      return {
        name: 'grafana',
        command: program,
        // Nothing reads the pid file; it makes the command line unlike any other lab's.
        args: ['server', '--homepath', grafanaHome(program), '--pidfile', join(lab.pidsDir, 'grafana.pid')],
        env: environment(grafanaSettings(lab)),
        // It watches the dashboards' files, and reads these only when it starts.
        contents: provisioning.datasources + provisioning.dashboards,
        ready: () => isOk(healthUrl(lab)),
        // Its first start creates a database.
        readyTimeoutMs: 120_000,
      }
    },
  },
} as const satisfies Service<GrafanaInput>

function healthUrl(lab: Lab): string {
  return `${grafanaUrl(lab)}/api/health`
}

/** Grafana's settings by section, as its `conf/defaults.ini` names them. */
export function grafanaSettings(lab: Lab): Record<string, Record<string, string>> {
  const data = join(lab.dataDir, 'grafana')
  return {
    server: { protocol: 'http', http_addr: '127.0.0.1', http_port: String(lab.settings.grafanaPort) },
    paths: { data, logs: lab.logsDir, plugins: join(data, 'plugins'), provisioning: provisioningDir(lab) },
    log: { mode: 'console' },
    security: { admin_password: fromFile(ensureGrafanaPassword(lab)), disable_gravatar: 'true' },
    'auth.anonymous': { enabled: 'true', org_role: 'Viewer' },
    users: { allow_sign_up: 'false' },
    analytics: {
      reporting_enabled: 'false',
      check_for_updates: 'false',
      check_for_plugin_updates: 'false',
      feedback_links_enabled: 'false',
    },
    news: { news_feed_enabled: 'false' },
    plugins: { preinstall_disabled: 'true', public_key_retrieval_disabled: 'true', plugin_admin_enabled: 'false' },
    snapshots: { external_enabled: 'false' },
    dashboards: {
      default_home_dashboard_path: join(projectDir, 'dashboards', 'out', 'json', 'lab-overview.json'),
    },
  }
}

/** Grafana's home folder: around the program in a release, below `share` in Linux packages and Homebrew. */
export function grafanaHome(program: string): string {
  const prefix = dirname(dirname(realpathSync(program)))
  const candidates = [prefix, join(prefix, 'share', 'grafana')]
  const home = candidates.find(folder => existsSync(join(folder, 'conf', 'defaults.ini')))
  if (home !== undefined) return home
  throw new LabError(`Cannot start ${program}`, {
    why: `conf/defaults.ini of Grafana is in none of ${candidates.join(', ')}`,
    next: 'set GRAFANA_BINARY to bin/grafana in the folder of an unpacked release, or GRAFANA=page',
  })
}

/** Settings as Grafana's environment variables, which also replace those of the user. */
function environment(settings: Record<string, Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([section, values]) =>
      Object.entries(values).map(([key, value]) => [`GF_${section}_${key}`.toUpperCase().replaceAll('.', '_'), value]),
    ),
  )
}

function writeProvisioning(lab: Lab, { datasources, dashboards }: Provisioning): void {
  ensureLabDirs(lab)
  // Grafana logs an error for each missing folder.
  for (const folder of ['datasources', 'dashboards', 'plugins', 'alerting']) {
    mkdirSync(join(provisioningDir(lab), folder), { recursive: true, mode: 0o700 })
  }
  writeFileAtomically(join(provisioningDir(lab), 'datasources', 'lab.yaml'), datasources)
  writeFileAtomically(join(provisioningDir(lab), 'dashboards', 'lab.yaml'), dashboards)
}

function provisioningDir(lab: Lab): string {
  return join(lab.configDir, 'grafana')
}
