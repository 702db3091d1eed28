import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheDir, cachePath, onPath } from '../../../lib/programs/find-program.ts'
import type { Source } from '../../../lib/programs/program-catalog.ts'
import type { BinariesOptions } from '../../../lib/programs/program-options.ts'

/** What the local server answers on a path: bytes with 200, or whatever a function does. */
export type Route = string | Buffer | ((response: ServerResponse, request: IncomingMessage) => void)

/** A machine of its own for one test: folders, PATH without Go, a download server, and what was said. */
export interface Fixture {
  dir: string
  /** A folder at the front of PATH. */
  pathDir: string
  env: NodeJS.ProcessEnv
  routes: Record<string, Route>
  /** Paths that the server was asked for. */
  asked: string[]
  lines: string[]
  serverUrl: string
  options: BinariesOptions
  /** Names in the cache, temporary ones included. */
  cached: () => string[]
  /** Running processes that have this fixture's folder in their command line. */
  processes: () => string[]
  /** Adds something to do when the fixture is closed, also after a failed assertion. */
  onClose: (cleanup: () => unknown) => void
  close: () => Promise<void>
}

/** The tools that the lab's own commands need; no Go. */
const tools = ['ps', 'bash', 'sh', 'sleep', 'tar', 'gzip', 'unzip', 'seq']

/** Where the test source's files seem to come from; the fixture's server stands in for it. */
export const releaseHost = 'https://releases.invalid'

export async function openFixture(): Promise<Fixture> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-binaries-'))
  const pathDir = join(dir, 'path')
  const toolsDir = join(dir, 'tools')
  for (const folder of [pathDir, toolsDir]) mkdirSync(folder)
  for (const tool of tools) {
    const path = onPath(tool, process.env)
    if (path !== undefined) symlinkSync(path, join(toolsDir, tool))
  }
  const env = { PATH: `${pathDir}:${toolsDir}`, HOME: dir, XDG_CACHE_HOME: join(dir, 'cache') }
  const routes: Record<string, Route> = {}
  const asked: string[] = []
  const lines: string[] = []
  const cleanups: (() => unknown)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const route = routes[request.url ?? '']
    if (typeof route === 'function') route(response, request)
    else response.writeHead(route === undefined ? 404 : 200).end(route)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    dir,
    pathDir,
    env,
    routes,
    asked,
    lines,
    serverUrl,
    options: {
      env,
      platform: { os: 'linux', arch: 'amd64' },
      catalog: [testSource()],
      goModulesDir: join(dir, 'go'),
      origins: { [releaseHost]: serverUrl },
      reporter: { line: text => lines.push(text), start: () => ({ detail: () => {}, end: () => {} }) },
      connectTimeoutMs: 15_000,
      // A test where one stalls, or hangs, has less: a busy machine takes its time.
      stallTimeoutMs: 15_000,
      retryDelayMs: 10,
      knownSums: {},
      versionTimeoutMs: 15_000,
      buildDiskBytes: 0,
    },
    cached: () => (existsSync(cacheDir(env)) ? readdirSync(cacheDir(env)).sort() : []),
    processes: () =>
      execFileSync('ps', ['-A', '-ww', '-o', 'command='], { encoding: 'utf8' })
        .split('\n')
        .filter(line => line.includes(dir)),
    onClose: cleanup => cleanups.push(cleanup),
    async close() {
      for (const cleanup of cleanups) await cleanup()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A source of one program, "etcd 1.2.3", published as a plain file with a checksum file beside it. */
export function testSource(changes: Partial<Source> = {}): Source {
  return {
    name: 'etcd',
    version: '1.2.3',
    programs: [{ name: 'etcd', versionPattern: /^etcd version (\S+)/m }],
    assets: version => [
      {
        url: `${releaseHost}/v${version}/etcd`,
        members: { etcd: '' },
        checksum: { kind: 'file', url: `${releaseHost}/v${version}/SHA256SUMS` },
      },
    ],
    ...changes,
  }
}

/** A program that tells a version. */
export function script(name: string, version: string): string {
  return `#!/bin/sh\necho "${name} version ${version}"\n`
}

export function writeProgram(path: string, text: string | Buffer): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, 0o755)
  return path
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Writes the pins of a source: a module that requires these modules, with their sums. */
export function writePins({ dir }: Fixture, name = 'etcd', sums: Record<string, string> = { 'lab.test/dep': 'h1:a=' }) {
  const moduleDir = join(dir, 'go', name)
  mkdirSync(moduleDir, { recursive: true })
  const modules = Object.entries(sums)
  const required = modules.map(([path]) => `\t${path} v1.0.0\n`).join('')
  writeFileSync(join(moduleDir, 'go.mod'), `module lab.test/${name}\n\ngo 1.26.0\n\nrequire (\n${required})\n`)
  writeFileSync(join(moduleDir, 'go.sum'), modules.map(([path, sum]) => `${path} v1.0.0 ${sum}\n`).join(''))
}

/** The test source's program in the cache, as it is called after a download. */
export function releasePath({ env }: Pick<Fixture, 'env'>, name = 'etcd', version = '1.2.3'): string {
  return cachePath({ name, version }, { release: true }, env)
}

/** Names in the cache, with `<pins>` for the hash of what was built. */
export function cachedNames(machine: Fixture): string[] {
  return machine.cached().map(name => name.replace(/-[0-9a-f]{12}$/, '-<pins>'))
}

/** Publishes the test source's program. */
export function publish({ routes }: Fixture, sum?: string): void {
  const program = script('etcd', '1.2.3')
  routes['/v1.2.3/etcd'] = program
  routes['/v1.2.3/SHA256SUMS'] = `${sha256('another')}  other\n${sum ?? sha256(program)}  etcd\n`
}

/** Puts a `go` on PATH that "builds" a program of version 1.2.3 after some seconds; it gives up when its folder is gone. */
export function writeFakeGo({ dir, pathDir }: Fixture, seconds = 0): void {
  mkdirSync(join(dir, 'go/etcd'), { recursive: true })
  mkdirSync(join(dir, 'go/kubectl'), { recursive: true })
  writeProgram(
    join(pathDir, 'go'),
    `#!/bin/sh
[ "$1" = env ] && echo '{"GOVERSION":"go1.26.1","GOFLAGS":""}' && exit
while [ "$1" != -o ]; do shift; done
sleep ${seconds}
printf '#!/bin/sh\\necho "%s version 1.2.3"\\n' "\${2##*/}" > "$2"
`,
  )
}
