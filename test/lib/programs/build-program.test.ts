import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { checkDisk, goEnv, neededBytes } from '../../../lib/programs/build-program.ts'
import { ensurePrograms } from '../../../lib/programs/ensure-programs.ts'
import { onPath } from '../../../lib/programs/find-program.ts'
import { isRecent } from '../../../lib/programs/go-pins.ts'
import { createContext } from '../../../lib/programs/program-options.ts'
import { oldestTools } from '../../../lib/programs/versions.ts'
import { freeBytes } from '../../../lib/system/disk.ts'
import {
  cachedNames,
  type Fixture,
  openFixture,
  publish,
  testSource,
  writeFakeGo,
  writeProgram,
} from './program-fixture.ts'

const pure = suite('goEnv()')

pure('keeps the user’s flags except those that choose modules', () => {
  const context = createContext({ env: { GOOS: 'plan9', KEPT: 'yes' }, platform: { os: 'linux', arch: 'arm64' } })
  const flags = '-mod=mod -p=2 --modfile=x.mod \'-ldflags=-s -w\' "-mod=vendor"'
  assert.deepEqual(goEnv(context, { path: 'go', version: 'go1.26.8', flags }, { memoryBytes: 4e9, cores: 2 }), {
    KEPT: 'yes',
    GOFLAGS: "-p=2 '-ldflags=-s -w' -mod=readonly -buildvcs=false",
    CGO_ENABLED: '0',
    GO111MODULE: 'on',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    GOOS: 'linux',
    GOARCH: 'arm64',
  })
})

pure('gives each compiler a gibibyte where there is more memory, unless the user sets its limits', () => {
  const memoryOf = (env: NodeJS.ProcessEnv, gibibytes: number) => {
    const machine = { memoryBytes: gibibytes * 2 ** 30, cores: 4 }
    const go = { path: 'go', version: 'go1.26.8', flags: '' }
    const { GOGC, GOMEMLIMIT } = goEnv(createContext({ env }), go, machine)
    return [GOGC, GOMEMLIMIT]
  }
  assert.deepEqual(memoryOf({}, 6), ['off', '1GiB'])
  assert.deepEqual(memoryOf({}, 5), [undefined, undefined])
  assert.deepEqual(memoryOf({ GOMEMLIMIT: '4GiB' }, 6), [undefined, '4GiB'])
  assert.deepEqual(memoryOf({ GOGC: '200' }, 6), ['200', '1GiB'])
})

pure.run()

const disk = suite('checkDisk()')

disk('needs part of the space for part of the builds', () => {
  const go = { go: {} }
  const context = createContext({ catalog: [testSource(go), testSource(go), testSource()], buildDiskBytes: 20e9 })
  assert.equal(neededBytes(2, context), 20e9)
  assert.equal(neededBytes(1, context), 10e9)
})

disk('reports the needed and the free space', () => {
  const catalog = [testSource({ go: {} })]
  const context = createContext({ env: { XDG_CACHE_HOME: '/nowhere/yet' }, catalog, buildDiskBytes: 1e18 })
  assert.throws(
    () => checkDisk(1, context),
    /^LabError: Cannot build .*: the build needs 1000000000 GB .*, \/nowhere\/yet\/kube-otel-lab\/bin has \d+(\.\d)? [GM]B free$/,
  )
})
disk.run()

const build = suite<{ machine: Fixture }>('ensurePrograms(): go build')
build.before.each(async context => {
  context.machine = await openFixture()
})
build.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  assert.deepEqual(
    machine.cached().filter(name => name.startsWith('.')),
    [],
  )
  await machine.close()
})

const source = testSource({ assets: () => [], go: { define: version => [`main.version=${version}`] } })

build('reports that there is neither Go nor a release', async ({ machine: { options } }) => {
  await assert.rejects(ensurePrograms(['etcd'], { ...options, catalog: [source] }), (error: unknown) => {
    assert.ok(error instanceof LabError)
    assert.equal(
      error.message,
      [
        'Cannot get etcd 1.2.3: no source has them',
        '    PATH: has no etcd',
        '    official release: it has no etcd for linux/amd64',
        '    go build: PATH has no go (Go 1.26 or newer is required)',
      ].join('\n'),
    )
    assert.match(error.next ?? '', /^install Go 1\.26 or newer, or .*set ETCD_BINARY$/)
    return true
  })
})

build('refuses an old Go by its version', async ({ machine: { options, pathDir } }) => {
  writeProgram(join(pathDir, 'go'), `#!/bin/sh\necho '{"GOVERSION":"go1.24.1","GOFLAGS":""}'\n`)
  await assert.rejects(
    ensurePrograms(['etcd'], { ...options, catalog: [source] }),
    /path\/go is go1\.24\.1, Go 1\.26 or newer is required/,
  )
})

build('refuses a Go that is older than what the pins ask for, to the patch', async ({ machine }) => {
  const { options, pathDir, dir } = machine
  mkdirSync(join(dir, 'go/etcd'), { recursive: true })
  writeFileSync(join(dir, 'go/etcd/go.mod'), 'module lab.test/etcd\n\ngo 1.26.4\n')
  writeProgram(join(pathDir, 'go'), `#!/bin/sh\necho '{"GOVERSION":"go1.26.3","GOFLAGS":""}'\n`)
  await assert.rejects(ensurePrograms(['etcd'], { ...options, catalog: [source] }), (error: unknown) => {
    assert.ok(error instanceof LabError)
    assert.match(error.message, /path\/go is go1\.26\.3, Go 1\.26\.4 or newer is required by etcd 1\.2\.3$/)
    assert.match(error.next ?? '', /^install Go 1\.26\.4 or newer, or /)
    return true
  })
})

build('downloads the modules of later builds during the first, and stops at its end', async ({ machine }) => {
  writeFakeGo(machine)
  const { dir, pathDir } = machine
  const calls = join(dir, 'calls')
  const wait = `while [ ! -e ${calls} ]; do sleep 0.05; done`
  const fakeGo = readFileSync(join(pathDir, 'go'), 'utf8')
  const list = `if [ "$1" = list ]; then echo "$PWD $*" >> ${calls}; exec sleep 300; fi\n${wait}`
  writeProgram(join(pathDir, 'go'), fakeGo.replace('while [ "$1" != -o ]', `${list}\n$&`))
  const [first, second] = ['etcd', 'kubectl'].map(name =>
    testSource({ name, assets: () => [], programs: [{ name, versionPattern: / version (\S+)/ }], go: {} }),
  )
  assert.ok(first !== undefined && second !== undefined)
  await ensurePrograms(['etcd', 'kubectl'], { ...machine.options, catalog: [first, second] })
  assert.equal(readFileSync(calls, 'utf8'), `${join(dir, 'go/kubectl')} list -deps tool\n`)
  assert.deepEqual(machine.processes(), [])
})

build('refuses to begin without disk space', async ({ machine: { options, pathDir } }) => {
  writeProgram(join(pathDir, 'go'), `#!/bin/sh\necho '{"GOVERSION":"go1.26.1","GOFLAGS":""}'\n`)
  await assert.rejects(
    ensurePrograms(['etcd'], { ...options, catalog: [source], buildDiskBytes: 1e18 }),
    /the build needs/,
  )
})

build(
  'downloads all that it can before it asks for disk space, and only for what is left to build',
  async ({ machine }) => {
    publish(machine)
    writeFakeGo(machine)
    const unpublished = testSource({
      ...source,
      name: 'kubectl',
      programs: [{ name: 'kubectl', versionPattern: /version (\S+)/ }],
    })
    // The one that is built comes first: room for both is not there, and room for one is.
    const catalog = [unpublished, testSource({ go: {} })]
    const options = { ...machine.options, catalog }
    const free = freeBytes(machine.dir)
    const found = await ensurePrograms(['kubectl', 'etcd'], { ...options, buildDiskBytes: free * 1.5 })
    assert.match(found.kubectl.path, /kubectl-1\.2\.3-[0-9a-f]{12}$/)
    assert.deepEqual(cachedNames(machine), ['etcd-1.2.3-release', 'kubectl-1.2.3-<pins>'])
  },
)

build('reports an unavailable program before it builds another', async ({ machine }) => {
  writeFakeGo(machine)
  const noPins = testSource({
    name: 'kubectl',
    programs: [{ name: 'kubectl', versionPattern: /version (\S+)/ }],
    assets: () => [],
  })
  const options = { ...machine.options, catalog: [source, noPins] }
  await assert.rejects(
    ensurePrograms(['etcd', 'kubectl'], options),
    /Cannot get kubectl 1\.2\.3: [\s\S]*it has no Go pins/,
  )
  assert.deepEqual(machine.cached(), [])
})

build('shows the compiler’s own words, and keeps nothing', async ({ machine }) => {
  const { options, pathDir, dir } = machine
  mkdirSync(join(dir, 'go/etcd'), { recursive: true })
  const failing = `[ "$1" = env ] && echo '{"GOVERSION":"go1.26.1"}' && exit; echo 'main.go:1: bad' >&2; exit 1`
  writeProgram(join(pathDir, 'go'), `#!/bin/sh\n${failing}\n`)
  await assert.rejects(ensurePrograms(['etcd'], { ...options, catalog: [source] }), /exit code 1\n {4}main\.go:1: bad/)
  assert.deepEqual(machine.cached(), [])
})

const go = onPath('go', process.env)
const realGo =
  go !== undefined && isRecent(execFileSync(go, ['env', 'GOVERSION'], { encoding: 'utf8' }), oldestTools.go)

/** What a build with the machine's own Go needs besides the fixture: Go, and its warm cache. */
function withGo(machine: Fixture): NodeJS.ProcessEnv {
  assert.ok(go)
  symlinkSync(go, join(machine.pathDir, 'go'))
  const GOCACHE = execFileSync(go, ['env', 'GOCACHE'], { encoding: 'utf8' }).trim()
  return { ...machine.env, GOCACHE, GOFLAGS: '-mod=mod', GOOS: 'plan9' }
}

const main = (name: string) =>
  `package main\n\nimport "os"\n\nvar version = "none"\n\nfunc main() { os.Stdout.WriteString("${name} version " + version + "\\n") }\n`

const withRealGo = realGo ? build : build.skip
withRealGo('builds every tool of a module at once, with its version inside', async ({ machine }) => {
  const { dir, options } = machine
  const names = ['kwok', 'kwokctl'] as const
  for (const name of names) {
    mkdirSync(join(dir, 'go/kwok/cmd', name), { recursive: true })
    writeFileSync(join(dir, 'go/kwok/cmd', name, 'main.go'), main(name))
  }
  const module = 'lab.test/tools'
  const toolLines = names.map(name => `tool ${module}/cmd/${name}\n`).join('')
  writeFileSync(join(dir, 'go/kwok/go.mod'), `module ${module}\n\ngo 1.26.0\n\n${toolLines}`)
  const programs = names.map(name => ({ name, versionPattern: /version (\S+)/ }))
  const catalog = [testSource({ ...source, name: 'kwok', programs })]
  const found = await ensurePrograms(['kwokctl'], {
    ...options,
    catalog,
    env: withGo(machine),
    platform: hostPlatform(),
  })
  assert.equal(execFileSync(found.kwokctl.path, { encoding: 'utf8' }), 'kwokctl version 1.2.3\n')
  assert.deepEqual(cachedNames(machine), ['kwok-1.2.3-<pins>', 'kwokctl-1.2.3-<pins>'])
  assert.match(machine.lines.join('\n'), /official release: it has no .*\n.*building with go1\..*\n.*built in \d+ s$/)
})

withRealGo('fails for a module without the needed sums, and does not add them', async ({ machine }) => {
  const { dir, options } = machine
  mkdirSync(join(dir, 'go/etcd'), { recursive: true })
  writeFileSync(join(dir, 'go/etcd/main.go'), main('etcd').replace('"os"', '(\n"os"\n_ "lab.test/absent"\n)'))
  writeFileSync(join(dir, 'go/etcd/go.mod'), 'module lab.test/etcd\n\ngo 1.26.0\n\ntool lab.test/etcd\n')
  const env = { ...withGo(machine), GOPROXY: 'off' }
  await assert.rejects(
    ensurePrograms(['etcd'], { ...options, catalog: [source], env, platform: hostPlatform() }),
    /provid\w+ package lab\.test\/absent/,
  )
})
build.run()

function hostPlatform() {
  return createContext().platform
}
