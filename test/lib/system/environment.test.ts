import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import { docker } from '../../../lib/docker/engine.ts'
import { runArgs } from '../../../lib/services/container-spec.ts'
import { excludeLoopbackFromProxies, proxyVariables } from '../../../lib/system/environment.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'

// What services get is tested on real ones, in process-services.test.ts.

const excludes = suite('excludeLoopbackFromProxies()')

for (const [fact, before, after] of [
  ['where nothing is excluded', {}, 'localhost,127.0.0.1'],
  ['beside what is', { NO_PROXY: '.example, 10.0.0.1' }, '.example,10.0.0.1,localhost,127.0.0.1'],
  ['by the variable that wins', { no_proxy: 'a', NO_PROXY: 'b' }, 'a,localhost,127.0.0.1'],
] as const) {
  excludes(`excludes this machine ${fact}`, () => {
    const env: NodeJS.ProcessEnv = { ...before }
    excludeLoopbackFromProxies(env)
    excludeLoopbackFromProxies(env)
    assert.deepEqual(env, { no_proxy: after, NO_PROXY: after })
  })
}

excludes('keeps a list that excludes everything', () => {
  const env: NodeJS.ProcessEnv = { NO_PROXY: '*' }
  excludeLoopbackFromProxies(env)
  assert.deepEqual(env, { NO_PROXY: '*' })
})

// Node.js 20 has no NODE_USE_ENV_PROXY, and fetches directly in any case.
excludes('makes fetch() reach this machine directly when Node.js uses proxies', () => {
  const program =
    `const { excludeLoopbackFromProxies } = await import(${JSON.stringify(import.meta.resolve('../../../lib/system/environment.ts'))});` +
    'excludeLoopbackFromProxies(process.env);' +
    'const server = (await import("node:http")).createServer((_, response) => response.end("direct"));' +
    'await new Promise(done => server.listen(0, "127.0.0.1", done));' +
    'console.log(await (await fetch(`http://127.0.0.1:${server.address().port}`)).text()); process.exit()'
  const proxies = { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1', NODE_USE_ENV_PROXY: '1' }
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const child = spawnSync(process.execPath, args, { env: { ...process.env, ...proxies }, encoding: 'utf8' })
  assert.equal(child.stdout, 'direct\n', child.stderr)
})
excludes.run()

/** The variables of a container that the docker command asks an engine for, whose user has set proxies in its configuration. */
async function createdEnv(args: readonly string[]): Promise<string[]> {
  const config = join(tempDir(), 'docker')
  mkdirSync(config)
  const proxy = 'http://127.0.0.1:1'
  const proxies = { default: { httpProxy: proxy, httpsProxy: proxy, ftpProxy: proxy, allProxy: proxy, noProxy: 'x' } }
  writeFileSync(join(config, 'config.json'), JSON.stringify({ proxies }))
  let env: string[] | undefined
  const engine = createServer((request, response) => {
    let body = ''
    request.on('data', part => {
      body += part
    })
    request.on('end', () => {
      const isCreate = request.url?.includes('/containers/create') === true
      if (isCreate) env = JSON.parse(body).Env
      response.writeHead(isCreate ? 201 : 200, { 'api-version': '1.43', 'content-type': 'application/json' })
      response.end('{"Id":"abc","Warnings":[],"ApiVersion":"1.43"}')
    })
  })
  await new Promise<void>(done => engine.listen(0, '127.0.0.1', done))
  const { port } = engine.address() as AddressInfo
  try {
    const own = { ...process.env, DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_CONFIG: config }
    await docker(['create', ...args.slice(1)], { env: own })
  } finally {
    engine.close()
    engine.closeAllConnections()
  }
  assert(env, 'no container was asked for')
  return env
}

const hasDocker = spawnSync('docker', ['--version']).status === 0
const containers = suite('runArgs()')
const whereDocker = hasDocker ? containers : containers.skip
whereDocker('gives a container no proxy of the user’s Docker configuration', async () => {
  const lab = tempLab({ runtime: 'docker' })
  const spec = {
    name: 'collector',
    image: 'otelcol',
    args: [],
    env: { GREETING: 'hello' },
    ready: async () => true,
  } as const
  const [, ...args] = runArgs(lab, spec, { image: 'x', user: '1:1' }).filter(arg => arg !== '--detach')
  const env = await createdEnv(['create', ...args])
  assert.deepEqual(env.toSorted(), ['GREETING=hello', ...proxyVariables.map(name => `${name}=`)].toSorted())
})
containers.run()
