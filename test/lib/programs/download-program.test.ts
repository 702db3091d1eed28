import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { findGithubDigest, findSha256 } from '../../../lib/programs/download-program.ts'
import { ensurePrograms, findProgram } from '../../../lib/programs/ensure-programs.ts'
import { onPath } from '../../../lib/programs/find-program.ts'
import type { BinariesOptions } from '../../../lib/programs/program-options.ts'
import { freePort } from '../../support/free-ports.ts'
import {
  cachedNames,
  type Fixture,
  openFixture,
  publish,
  releaseHost,
  releasePath,
  script,
  sha256,
  testSource,
  writeFakeGo,
  writeProgram,
} from './program-fixture.ts'

const sums = suite('findSha256()')
const sum = 'a'.repeat(64)

for (const [what, text, expected] of [
  ['a sum alone', sum, sum],
  ['a sum alone with an end of line', `${sum}\n`, sum],
  ['the line of the file', `${'b'.repeat(64)}  other\n${sum}  tool\n`, sum],
  ['a binary line', `${sum} *tool\r\n`, sum],
  ['a path from here', `${sum}  ./tool`, sum],
  ['a path below a folder', `${sum}  dist/tool\n`, sum],
  ['the line of k3d’s list', `${'b'.repeat(64)}  _dist/tool-arm64\n${sum}  _dist/tool\n`, sum],
  ['capital letters', `${sum.toUpperCase()}  tool`, sum],
  ['only other files', `${sum}  tool.tar.gz\n`, undefined],
  ['a page', '<html>Sign in</html>', undefined],
  ['half a sum', sum.slice(1), undefined],
] as const) {
  sums(`reads ${what}`, () => assert.equal(findSha256(text, 'tool'), expected))
}
sums.run()

const digests = suite('findGithubDigest()')

for (const [what, release, expected] of [
  ['the digest of the file', { assets: [{ name: 'x' }, { name: 'tool', digest: `sha256:${sum}` }] }, sum],
  ['no digest for an old release', { assets: [{ name: 'tool', digest: null }] }, undefined],
  ['no other hash', { assets: [{ name: 'tool', digest: `sha512:${sum}` }] }, undefined],
  ['no answer about a limit', { message: 'API rate limit exceeded' }, undefined],
] as const) {
  digests(`gives ${what}`, () => assert.equal(findGithubDigest(JSON.stringify(release), 'tool'), expected))
}
digests('gives no digest for a page that is not JSON', () =>
  assert.equal(findGithubDigest('<html>', 'tool'), undefined),
)
digests.run()

const download = suite<{ machine: Fixture }>('ensurePrograms(): official release')
download.before.each(async context => {
  context.machine = await openFixture()
})
download.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  assert.deepEqual(
    machine.cached().filter(name => name.startsWith('.')),
    [],
  )
  await machine.close()
})

const etcd = (options: BinariesOptions) => ensurePrograms(['etcd'], options)

/** Asserts that no source has the program, with this failure of the release. */
async function assertNoWay(options: BinariesOptions, why: RegExp): Promise<void> {
  await assert.rejects(etcd(options), (error: unknown) => {
    assert.ok(error instanceof LabError, String(error))
    assert.match(error.message, /^Cannot get etcd 1\.2\.3: no source has them\n/)
    assert.match(error.message, why)
    assert.match(error.next ?? '', /releases\.invalid.*ETCD_BINARY/)
    return true
  })
}

download('downloads the program, checks its sum and reports both', async ({ machine }) => {
  publish(machine)
  const found = await etcd(machine.options)
  assert.equal(readFileSync(found.etcd.path, 'utf8'), script('etcd', '1.2.3'))
  assert.deepEqual(machine.cached(), ['etcd-1.2.3-release'])
  assert.deepEqual(machine.lines, [
    'etcd 1.2.3: PATH: has no etcd',
    `etcd 1.2.3: etcd downloaded from ${releaseHost}/v1.2.3/etcd, SHA-256 checked`,
  ])
})

download('keeps the folder of a program that reads the files beside it', async ({ machine }) => {
  const name = 'etcd-1.2.3'
  writeProgram(join(machine.dir, name, 'bin', 'etcd'), script('etcd', '1.2.3'))
  mkdirSync(join(machine.dir, name, 'conf'))
  writeFileSync(join(machine.dir, name, 'conf', 'defaults.ini'), '[server]\n')
  execFileSync('tar', ['-czf', join(machine.dir, 'a.tar.gz'), '-C', machine.dir, name])
  const archive = readFileSync(join(machine.dir, 'a.tar.gz'))
  machine.routes['/etcd.tar.gz'] = archive
  machine.routes['/etcd.tar.gz.sha256'] = `${sha256(archive)}  dist/etcd.tar.gz\n`
  const [program] = testSource().programs
  assert.ok(program)
  const url = `${releaseHost}/etcd.tar.gz`
  const asset = { url, folder: name, members: { etcd: `${name}/bin/etcd` } }
  const source = testSource({
    programs: [{ ...program, inFolder: 'bin/etcd' }],
    assets: () => [{ ...asset, checksum: { kind: 'file', url: `${url}.sha256` } }],
  })
  const options = { ...machine.options, catalog: [source] }
  // What an interrupted hand left there is no program, and goes.
  mkdirSync(join(releasePath(machine), 'public'), { recursive: true })
  const { etcd: found } = await ensurePrograms(['etcd'], options)
  assert.equal(found.path, join(releasePath(machine), 'bin', 'etcd'))
  assert.ok(existsSync(join(releasePath(machine), 'conf', 'defaults.ini')))
  assert.deepEqual(machine.cached(), ['etcd-1.2.3-release'])
  assert.equal(await findProgram('etcd', options), found.path)
})

download('stops at a wrong sum, and keeps nothing', async ({ machine }) => {
  publish(machine, sum)
  await assert.rejects(etcd({ ...machine.options, catalog: [testSource({ go: {} })] }), (error: unknown) => {
    assert.ok(error instanceof LabError)
    assert.match(error.message, /is wrong: it is [0-9a-f]{64}, the publisher states a{64}$/)
    return true
  })
  assert.deepEqual(machine.cached(), [])
})

download('fetches nothing without a published sum', async ({ machine }) => {
  publish(machine)
  machine.routes['/v1.2.3/SHA256SUMS'] = `${sum}  other\n`
  await assertNoWay(machine.options, /SHA256SUMS has no SHA-256 for etcd/)
  assert.deepEqual(machine.asked, ['/v1.2.3/SHA256SUMS'])
})

download('does not request a sum that the table has', async ({ machine }) => {
  publish(machine, 'b'.repeat(64))
  const known = (sha256: string) => ({
    ...machine.options,
    knownSums: { etcd: { '1.2.3': { 'linux/amd64': { sha256, sources: [] } } } },
  })
  await assert.rejects(etcd(known(sum)), /is wrong: it is [0-9a-f]{64}, lib\/programs\/checksums\.json has a{64}$/)
  await etcd(known(sha256(script('etcd', '1.2.3'))))
  assert.deepEqual(machine.asked, ['/v1.2.3/etcd', '/v1.2.3/etcd'])
})

download('takes the publisher’s sum where the table has another version or platform', async ({ machine }) => {
  publish(machine)
  const entry = { sha256: sum, sources: [] }
  const knownSums = { etcd: { '1.2.2': { 'linux/amd64': entry }, '1.2.3': { 'linux/arm64': entry } } }
  await etcd({ ...machine.options, knownSums })
  assert.deepEqual(machine.cached(), ['etcd-1.2.3-release'])
})

download('takes a second copy when the first breaks off', async ({ machine }) => {
  publish(machine)
  let asked = 0
  machine.routes['/v1.2.3/etcd'] = response => {
    asked += 1
    if (asked > 1) return response.end(script('etcd', '1.2.3'))
    response.writeHead(200, { 'content-length': 1000 }).write('#!')
    return setTimeout(() => response.destroy(), 50)
  }
  const found = await etcd(machine.options)
  assert.equal(readFileSync(found.etcd.path, 'utf8'), script('etcd', '1.2.3'))
  assert.equal(asked, 2)
})

download('does not read a list of sums without end', async ({ machine }) => {
  publish(machine)
  machine.routes['/v1.2.3/SHA256SUMS'] = Buffer.alloc(5e6, '\n')
  await assertNoWay(machine.options, /too long for a list of checksums/)
})

download('tries the next source after a 404', async ({ machine }) => {
  publish(machine)
  delete machine.routes['/v1.2.3/etcd']
  await assertNoWay(machine.options, /official release: .*\/v1\.2\.3\/etcd answers 404/)
})

download(
  'tries the next source when every attempt stalls, and sends no more requests to that host',
  async ({ machine }) => {
    publish(machine)
    machine.routes['/v1.2.3/etcd'] = response => response.writeHead(200, { 'content-length': 1000 }).write('#!')
    const unreachable = new Map<string, string>()
    const startedAtMs = Date.now()
    // With the limit of other tests they would take three times 15 s.
    await assertNoWay(
      { ...machine.options, unreachable, stallTimeoutMs: 300 } as BinariesOptions,
      /releases\.invalid sent no byte for 0\.3 s \(tried 3 times\)/,
    )
    assert.ok(Date.now() - startedAtMs < 40_000)
    assert.deepEqual([...unreachable.keys()], [releaseHost])
  },
)

download('goes on when the transfer breaks off', async ({ machine }) => {
  publish(machine)
  machine.routes['/v1.2.3/etcd'] = response => {
    response.writeHead(200, { 'content-length': 1000 }).write('#!')
    setTimeout(() => response.destroy(), 50)
  }
  await assertNoWay(machine.options, /releases\.invalid broke the transfer off/)
})

download('goes on at once when the host refuses', async ({ machine }) => {
  const startedAtMs = Date.now()
  const origins = { [releaseHost]: `http://127.0.0.1:${await freePort()}` }
  const options = { ...machine.options, origins, connectTimeoutMs: 120_000, retryDelayMs: 120_000 }
  await assertNoWay(options, /releases\.invalid can't be reached: .*ECONNREFUSED/)
  assert.ok(Date.now() - startedAtMs < 60_000)
})

download(
  'gives a host that answers nothing three tries in a run, and says for each program why it was built',
  async ({ machine }) => {
    let connections = 0
    const server = createNetServer(socket => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    machine.onClose(() => new Promise(resolve => server.close(resolve)))
    writeFakeGo(machine)
    const catalog = (['etcd', 'kubectl'] as const).map(name =>
      testSource({
        name,
        programs: [{ name, versionPattern: /version (\S+)/ }],
        assets: () =>
          testSource()
            .assets('1.2.3', { os: 'linux', arch: 'amd64' })
            .map(asset => ({ ...asset, members: { [name]: '' } })),
        go: {},
      }),
    )
    const origins = { [releaseHost]: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
    await ensurePrograms(['etcd', 'kubectl'], { ...machine.options, catalog, origins })
    assert.equal(connections, 3)
    assert.deepEqual(cachedNames(machine), ['etcd-1.2.3-<pins>', 'kubectl-1.2.3-<pins>'])
    assert.match(machine.lines.join('\n'), /kubectl 1\.2\.3: official release: releases\.invalid can't be reached/)
  },
)

download('goes on when the downloaded program is another version', async ({ machine }) => {
  publish(machine)
  machine.routes['/v1.2.3/etcd'] = script('etcd', '1.2.4')
  machine.routes['/v1.2.3/SHA256SUMS'] = sha256(script('etcd', '1.2.4'))
  await assertNoWay(machine.options, /the new etcd is version 1\.2\.4, not 1\.2\.3/)
  assert.deepEqual(machine.cached(), [])
})

for (const [kind, pack] of [
  ['tar.gz', (file: string) => ['tar', ['-czf', file, 'inner']] as const],
  ['zip', (file: string) => ['zip', ['-qr', file, 'inner']] as const],
] as const) {
  download(`takes every program out of one ${kind}`, async ({ machine }) => {
    if (kind === 'zip' && onPath('zip', process.env) === undefined) return // nothing here makes one
    const { dir, routes, options } = machine
    for (const name of ['etcd', 'kubectl']) writeProgram(join(dir, 'packed/inner', name), script(name, '1.2.3'))
    writeFileSync(join(dir, 'packed/inner/README'), 'not wanted')
    const file = join(dir, `all.${kind}`)
    const [command, args] = pack(file)
    execFileSync(command, args, { cwd: join(dir, 'packed') })
    routes[`/all.${kind}`] = readFileSync(file)
    routes['/sums'] = sha256(readFileSync(file))
    const source = testSource({
      programs: ['etcd', 'kubectl'].map(name => ({ name, versionPattern: /version (\S+)/ })),
      assets: () => [
        {
          url: `${releaseHost}/all.${kind}`,
          members: { etcd: 'inner/etcd', kubectl: 'inner/kubectl' },
          checksum: { kind: 'file', url: `${releaseHost}/sums` },
        },
      ],
    })
    const found = await ensurePrograms(['kubectl', 'etcd'], { ...options, catalog: [source] })
    assert.equal(readFileSync(found.kubectl.path, 'utf8'), script('kubectl', '1.2.3'))
    assert.deepEqual(machine.cached(), ['etcd-1.2.3-release', 'kubectl-1.2.3-release'])
    assert.deepEqual(machine.asked, ['/sums', `/all.${kind}`])
  })
}

download('names the missing tool for an archive', async ({ machine }) => {
  const [asset] = testSource().assets('1.2.3', { os: 'linux', arch: 'amd64' })
  assert.ok(asset)
  machine.routes['/all.zip'] = 'PK'
  machine.routes['/v1.2.3/SHA256SUMS'] = sha256('PK')
  const source = testSource({
    assets: () => [{ ...asset, url: `${releaseHost}/all.zip`, members: { etcd: 'inner/etcd' } }],
  })
  const noTools = join(machine.dir, 'none')
  mkdirSync(noTools)
  const options = { ...machine.options, catalog: [source], env: { ...machine.env, PATH: noTools } }
  await assertNoWay(options, /all\.zip needs unzip, which is not on PATH/)
})

download('uses HTTPS_PROXY, except for a host in NO_PROXY', async ({ machine }) => {
  const seen: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    seen.push(request.url ?? '')
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  machine.onClose(() => new Promise(resolve => proxy.close(resolve)))
  const env = { ...machine.env, HTTPS_PROXY: `http://127.0.0.1:${port}` }
  await assertNoWay({ ...machine.options, origins: {}, env }, /can't be reached: Proxy response \(403\)/)
  assert.deepEqual(seen, ['releases.invalid:443'])
  const origins = { [releaseHost]: `https://localhost:${await freePort()}` }
  await assertNoWay({ ...machine.options, origins, env: { ...env, NO_PROXY: 'localhost' } }, /ECONNREFUSED/)
  assert.equal(seen.length, 1)
})
download.run()
