import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { suite } from 'uvu'
import { resolveSettings, settingNames, variableOf } from '../../../lib/cli/settings.ts'
import { describePortHolder, isPortFree, portSettings, requireFreePorts } from '../../../lib/system/ports.ts'

async function listen(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

const free = suite('isPortFree()')

free('is true for a free port, which stays free', async () => {
  const { server, port } = await listen('127.0.0.1')
  await new Promise(resolve => server.close(resolve))
  assert.equal(await isPortFree(port), true)
  assert.equal(await isPortFree(port), true)
})

for (const host of ['127.0.0.1', '0.0.0.0']) {
  free(`is false for one with a listener at ${host}`, async () => {
    const { server, port } = await listen(host)
    assert.equal(await isPortFree(port), false)
    server.close()
  })
}
free.run()

const requires = suite<{ child: ChildProcess; port: number }>('requireFreePorts()')
requires.before(async context => {
  const program =
    'require("net").createServer().listen(0, "127.0.0.1", function () { process.stdout.write(String(this.address().port)) })'
  context.child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  context.port = await new Promise(resolve => context.child.stdout?.once('data', text => resolve(Number(text))))
})
requires.after(({ child }) => {
  child.kill()
})

const settingsOf = (env: NodeJS.ProcessEnv) => resolveSettings({ flags: {}, env })

requires('names the process that uses a port, and the setting to change', async ({ child, port }) => {
  await assert.rejects(requireFreePorts(settingsOf({ OTLP_HTTP_PORT: `${port}` }), ['otlpHttpPort']), {
    name: 'LabError',
    exitCode: 1,
    message: new RegExp(`^Cannot use port ${port}: it is in use by \\S+ \\(pid ${child.pid}\\)$`),
    next: 'set OTLP_HTTP_PORT to a free port, or stop that program',
  })
})

requires('names all ports in use at once', async ({ child, port }) => {
  const { server, port: other } = await listen('127.0.0.1')
  const settings = settingsOf({ OTLP_HTTP_PORT: `${port}`, PROMETHEUS_PORT: `${other}` })
  await assert.rejects(requireFreePorts(settings, ['prometheusPort', 'otlpHttpPort']), {
    message: new RegExp(
      `^Cannot use ports ${other}, ${port}: ${other} is in use by \\S+ \\(pid ${process.pid}\\), ${port} is in use by \\S+ \\(pid ${child.pid}\\)$`,
    ),
    next: 'set PROMETHEUS_PORT, OTLP_HTTP_PORT to free ports, or stop those programs: `make kwok-down CLUSTER_NAME=<name>` stops a lab',
  })
  await new Promise(resolve => server.close(resolve))
})

requires('checks only the given ports', async ({ port }) => {
  const { server, port: other } = await listen('127.0.0.1')
  await new Promise(resolve => server.close(resolve))
  await requireFreePorts(settingsOf({ OTLP_HTTP_PORT: `${port}`, PROMETHEUS_PORT: `${other}` }), ['prometheusPort'])
  await requireFreePorts(settingsOf({ OTLP_HTTP_PORT: `${port}` }), [])
})

requires('refuses two settings with the same port', async () => {
  const { server, port } = await listen('127.0.0.1')
  await new Promise(resolve => server.close(resolve))
  const settings = settingsOf({ PROMETHEUS_PORT: `${port}`, STATS_PROXY_PORT: `${port}` })
  await assert.rejects(requireFreePorts(settings, ['prometheusPort', 'statsProxyPort']), {
    message: `STATS_PROXY_PORT and PROMETHEUS_PORT are both ${port}`,
    next: 'set STATS_PROXY_PORT to another port',
  })
})
requires.run()

const holders = suite('describePortHolder()')
holders('finds this process on a port of its own', async () => {
  const { server, port } = await listen('127.0.0.1')
  assert.match(await describePortHolder(port), new RegExp(`^\\S+ \\(pid ${process.pid}\\)$`))
  server.close()
})

holders('gives a general name when no process is found', async () => {
  const { server, port } = await listen('127.0.0.1')
  await new Promise(resolve => server.close(resolve))
  assert.equal(await describePortHolder(port), 'another program')
})
holders.run()

const names = suite('portSettings')
names('are all the settings that are ports', () => {
  assert.deepEqual(
    settingNames.filter(name => variableOf(name).endsWith('_PORT')),
    [...portSettings],
  )
})
names.run()
