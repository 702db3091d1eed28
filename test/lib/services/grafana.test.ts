import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { generatedDir } from '../../../lib/grafana/generated-files.ts'
import type { Lab } from '../../../lib/lab/lab.ts'
import { grafana, grafanaHome, grafanaSettings } from '../../../lib/services/grafana.ts'
import { processServices } from '../../../lib/services/process-services.ts'
import { freePort } from '../../support/free-ports.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'

/** A folder as that of a release, whose program writes down how it was started, and answers as Grafana does. */
function standIn(): string {
  const program = join(tempDir(), 'grafana-1.2.3', 'bin', 'grafana')
  mkdirSync(dirname(program), { recursive: true })
  mkdirSync(join(dirname(program), '..', 'conf'))
  writeFileSync(join(dirname(program), '..', 'conf', 'defaults.ini'), '')
  writeFileSync(
    program,
    `#!${process.execPath}
const own = Object.entries(process.env).filter(([name]) => name.startsWith('GF_'))
require('fs').writeFileSync(process.env.GF_PATHS_LOGS + '/started.json', JSON.stringify({ args: process.argv.slice(2), env: Object.fromEntries(own) }))
require('http').createServer((request, response) => response.writeHead(request.url === '/api/health' ? 200 : 404).end())
  .listen(process.env.GF_SERVER_HTTP_PORT, process.env.GF_SERVER_HTTP_ADDR)
`,
  )
  chmodSync(program, 0o755)
  return program
}

const service = suite('grafana')
const { GRAFANA_BINARY, GF_AUTH_ANONYMOUS_ORG_ROLE } = process.env
service.after.each(() => {
  for (const [name, value] of Object.entries({ GRAFANA_BINARY, GF_AUTH_ANONYMOUS_ORG_ROLE })) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

/** The spec of a lab whose Grafana is this program. */
function specOf(lab: Lab, program: string) {
  process.env['GRAFANA_BINARY'] = program
  return grafana.process.spec(lab)
}

service(
  'starts Grafana on loopback, anonymous users as viewers, the administrator with the lab’s password',
  async () => {
    const lab = tempLab({ grafanaPort: String(await freePort()) })
    const program = standIn()
    const dashboardsDir = tempDir()
    writeFileSync(join(dashboardsDir, 'a.json'), '{"title": "A", "panels": []}')
    const services = processServices(lab)
    process.env['GF_AUTH_ANONYMOUS_ORG_ROLE'] = 'Admin'
    try {
      assert.equal(await services.ensure(await specOf(lab, program)), true)
      assert.equal(await services.ensure(await specOf(lab, program)), false)
      const other = { ...lab, settings: { ...lab.settings, dashboardsDir } }
      assert.equal(await services.ensure(await specOf(other, program)), true, 'it must restart for other dashboards')
      const { args, env } = JSON.parse(readFileSync(join(lab.logsDir, 'started.json'), 'utf8'))
      const home = dirname(dirname(program))
      assert.deepEqual(args, ['server', '--homepath', home, '--pidfile', join(lab.pidsDir, 'grafana.pid')])
      for (const [name, value] of [
        ['GF_SERVER_HTTP_ADDR', '127.0.0.1'],
        ['GF_SERVER_HTTP_PORT', String(lab.settings.grafanaPort)],
        ['GF_AUTH_ANONYMOUS_ENABLED', 'true'],
        ['GF_AUTH_ANONYMOUS_ORG_ROLE', 'Viewer'],
        ['GF_SECURITY_ADMIN_PASSWORD', `$__file{${lab.configDir}/grafana.password}`],
        ['GF_PATHS_DATA', join(lab.dataDir, 'grafana')],
        ['GF_PATHS_PROVISIONING', join(lab.configDir, 'grafana')],
      ]) {
        assert.equal(env[name ?? ''], value, name)
      }
    } finally {
      assert.equal(await services.stop('grafana'), true)
    }
  },
)

service('writes only into the lab’s folder', () => {
  const lab = tempLab()
  for (const path of Object.values(grafanaSettings(lab)['paths'] ?? {})) assert.ok(path.startsWith(lab.dir), path)
})

service('reads its provisioning from the lab’s folder, with the Prometheus of PROMETHEUS_URL', async () => {
  const read = async (lab: Lab, path: string) => {
    await specOf(lab, standIn())
    return parse(readFileSync(join(lab.configDir, 'grafana', path), 'utf8'))
  }
  const urls = async (lab: Lab) =>
    (await read(lab, 'datasources/lab.yaml')).datasources.map(({ url }: { url: string }) => url)
  const lab = tempLab({ prometheusPort: '9191', jaegerPort: '26686' })
  assert.deepEqual(await urls(lab), [
    'http://127.0.0.1:9191',
    'http://127.0.0.1:3200',
    'http://127.0.0.1:3100',
    'http://127.0.0.1:26686',
  ])
  assert.equal((await urls(tempLab({ prometheusUrl: 'http://127.0.0.2:9090' })))[0], 'http://127.0.0.2:9090')
  const { providers } = await read(lab, 'dashboards/lab.yaml')
  assert.deepEqual(
    providers.map(({ options }: { options: { path: string } }) => options.path),
    [join(generatedDir, 'json')],
  )
})
service.run()

const home = suite('grafanaHome()')
home('is the folder of the release, also through a symbolic link', () => {
  const program = standIn()
  const link = join(tempDir(), 'grafana')
  symlinkSync(program, link)
  assert.equal(grafanaHome(link), dirname(dirname(program)))
})

home('is below share in a package', () => {
  const prefix = tempDir()
  const folder = join(prefix, 'share', 'grafana')
  for (const each of [join(folder, 'conf'), join(prefix, 'bin')]) mkdirSync(each, { recursive: true })
  for (const file of [join(folder, 'conf', 'defaults.ini'), join(prefix, 'bin', 'grafana')]) writeFileSync(file, '')
  assert.equal(grafanaHome(join(prefix, 'bin', 'grafana')), folder)
})

home('names the folders that were searched', () => {
  const program = join(tempDir(), 'grafana')
  writeFileSync(program, '')
  assert.throws(() => grafanaHome(program), {
    name: 'LabError',
    message: /defaults\.ini of Grafana is in none of .*share.grafana$/,
  })
})
home.run()
