import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { generatedDir } from '../grafana/generated-files.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from '../lab/lab.ts'
import { say } from '../lab/task.ts'
import { programPath } from '../programs/programs.ts'
import { isOk, probe } from '../system/probe.ts'
import { ensureGrafanaPassword, fromFile } from './grafana-password.ts'
import { datasourcesYaml, providersYaml, provisionedOwnDir } from './grafana-provisioning.ts'
import { jaegerUrl } from './jaeger.ts'
import { labPrometheus } from './prometheus.ts'
import type { Service } from './service.ts'

/** The URL of Grafana, or of the lab's page. */
export function grafanaUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.grafanaPort}`
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
    spec: async lab => {
      const program = await programPath('grafana')
      const contents = await writeProvisioning(lab)
      return {
        name: 'grafana',
        command: program,
        // Nothing reads the pid file; it makes the command line unlike any other lab's.
        args: ['server', '--homepath', grafanaHome(program), '--pidfile', join(lab.pidsDir, 'grafana.pid')],
        env: environment(grafanaSettings(lab)),
        // It watches the dashboards' files, and reads these only when it starts.
        contents,
        ready: () => isOk(healthUrl(lab)),
        // Its first start creates a database.
        readyTimeoutMs: 120_000,
      }
    },
  },
} as const satisfies Service

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
      default_home_dashboard_path: join(generatedDir, 'json', 'lab-overview.json'),
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

/** Writes the provisioning files; gives their text. */
async function writeProvisioning(lab: Lab): Promise<string> {
  ensureLabDirs(lab)
  // Grafana logs an error for each missing folder.
  for (const folder of ['datasources', 'dashboards', 'plugins', 'alerting']) {
    mkdirSync(join(provisioningDir(lab), folder), { recursive: true, mode: 0o700 })
  }
  const targets = {
    prometheusUrl: labPrometheus(lab).url,
    jaegerUrl: jaegerUrl(lab),
    intervalMs: lab.settings.collectionInterval,
    jsonDir: join(generatedDir, 'json'),
    ownDir: await provisionedOwnDir(lab, say),
  }
  const texts = { datasources: datasourcesYaml(targets), dashboards: providersYaml(targets) }
  for (const [folder, text] of Object.entries(texts)) {
    writeFileAtomically(join(provisioningDir(lab), folder, 'lab.yaml'), text)
  }
  return Object.values(texts).join('')
}

function provisioningDir(lab: Lab): string {
  return join(lab.configDir, 'grafana')
}
