import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../../lib/lab/lab.ts'
import { BUILD_TIMEOUT_MS } from '../../../lib/programs/build-program.ts'
import { componentModules } from '../../../lib/programs/go-pins.ts'
import { catalog } from '../../../lib/programs/program-catalog.ts'
import { createContext } from '../../../lib/programs/program-options.ts'
import {
  collectorManifest,
  requirements,
  updateVersion,
  withImageTag,
  withReplacements,
  withRequirements,
  withSums,
  withVersion,
} from '../../../lib/programs/update-version.ts'
import { type Run, run as runCommand } from '../../../lib/system/run.ts'
import { type Fixture, openFixture, releaseHost, testSource, writeProgram } from './program-fixture.ts'

const read = (path: string) => readFileSync(join(projectDir, path), 'utf8')
const sum = (digit: string) => digit.repeat(64)

const texts = suite('update-version: what it writes')

texts('has a line in lib/programs/versions.ts for each name, and changes that alone', () => {
  const text = read('lib/programs/versions.ts')
  for (const [name, line] of [
    ['metrics-server', "  metricsServer: '9.8.7',"],
    ['otel-chart', "  otelChart: '9.8.7',"],
    ['lgtm', "  lgtm: '9.8.7',"],
  ] as const) {
    const [before, after] = [text, withVersion(text, name, '9.8.7')].map(each => each.split('\n'))
    assert.deepEqual(
      after?.filter((each, at) => each !== before?.[at]),
      [line],
    )
  }
  assert.throws(() => withVersion(text, 'nothing', '1.0.0'), /has no line of nothing/)
})

texts('moves every component of the collector but those to keep, the providers by their own count', () => {
  const lines = ['0.149.0', '0.120.0 # keep: not served', '1.55.0'].map(
    (version, at) => `  - gomod: lab.test/${['receiver/a', 'receiver/b', 'confmap/provider/c'][at]} v${version}\n`,
  )
  const moved = collectorManifest(`dist:\n  version: 0.149.0\n${lines.join('')}`, '0.165.1')
  assert.match(moved, /^ {2}version: 0\.165\.1$/m)
  assert.deepEqual(componentModules(moved), [
    'lab.test/receiver/a@v0.165.1',
    'lab.test/receiver/b@v0.120.0',
    'lab.test/confmap/provider/c@v1.71.1',
  ])
})

texts('replaces each staging module that this version of Kubernetes has', () => {
  const ours = read('kwok-config/go/kubernetes/go.mod')
  const theirs = 'replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/new => ./staging/src/k8s.io/new\n)\n'
  const moved = withReplacements(ours, theirs, '1.37.2')
  assert.match(
    moved,
    /published with v1\.37\.2\.\nreplace \(\n\tk8s\.io\/api => k8s\.io\/api v0\.37\.2\n\tk8s\.io\/new => k8s\.io\/new v0\.37\.2\n\)/,
  )
  assert.doesNotMatch(moved, /=> \S+ v0\.36/)
  assert.equal(withReplacements(ours, 'module other\n', '1.37.2'), ours)
})

texts('raises the modules that a build shares, and no other', () => {
  const others = [
    'require (\n\tlab.test/a v1.4.0\n\tlab.test/b v1.0.0 // indirect\n\tlab.test/c v9.0.0\n\tlab.test/own v2.0.0\n)\n',
  ]
  const ours =
    'module x\n\nrequire lab.test/own v1.0.0\nrequire lab.test/a v1.3.0 // indirect\nrequire lab.test/b v1.0.0\n'
  const shared = { go: { module: 'lab.test/own', shared: /^lab\.test/ } }
  assert.equal(withRequirements(ours, [ours, ...others], shared), `${ours}\nrequire lab.test/a v1.4.0\n`)
  assert.equal(withRequirements(ours, [ours, ...others], { go: { shared: /^other/ } }), ours)
  const replaced = 'require lab.test/a v0.0.0\n\nreplace (\n\tlab.test/a => lab.test/a v1.5.0\n)\n'
  assert.equal(withRequirements(ours, [replaced], shared), `${ours}\nrequire lab.test/a v1.5.0\n`)
})

texts('finds one version of each module that builds share in the pins', () => {
  const versions = new Map<string, Set<string>>()
  for (const { name, go } of catalog) {
    if (go?.shared === undefined) continue
    for (const [module, version] of requirements(read(`kwok-config/go/${name}/go.mod`))) {
      if (go.shared.test(module) && module !== go.module)
        versions.set(module, (versions.get(module) ?? new Set()).add(version))
    }
  }
  assert.equal(versions.get('k8s.io/client-go')?.size, 1)
  assert.deepEqual(
    [...versions].filter(([, each]) => each.size > 1),
    [],
  )
})

texts('finds the versions of the control plane in the pins of the real node', () => {
  const controlPlane = new Map(requirements(read('kwok-config/go/kubernetes/go.mod')))
  const node = requirements(read('test/e2e/real-node/kubelet/go.mod'))
  const both = node.filter(([module]) => controlPlane.has(module))
  assert.ok(both.length > 50)
  for (const [module, version] of both) assert.equal(version, controlPlane.get(module), module)
})

texts('changes the tags of an image in manifests and Helm values alike', () => {
  const manifests = ['demo.yaml', 'lgtm.yaml', 'otel-collector-daemonset.values.yaml'].map(each =>
    read(`k3d-config/${each}`),
  )
  for (const [at, name] of ['node', 'lgtm', 'otelcol'].entries()) {
    const before = manifests[at] ?? ''
    const after = withImageTag(before, name, '9.8.7').split('\n')
    const changed = after.filter((line, index) => line !== before.split('\n')[index])
    assert.ok(changed.length > 0, name)
    for (const line of changed) assert.match(line, /^ +(image: \S+:|tag: )9\.8\.7$/)
    assert.equal(withImageTag(before, 'helm', '9.8.7'), before)
  }
})

texts('keeps the sums of other programs, and none of older versions', () => {
  const entry = (digit: string) => ({ 'linux/amd64': { sha256: sum(digit), sources: ['a'] } })
  const known = { etcd: { '1.0.0': entry('a') }, helm: { '2.0.0': entry('b') } }
  assert.deepEqual(withSums(known, testSource(), { etcd: entry('c') }), {
    etcd: { '1.2.3': entry('c') },
    helm: { '2.0.0': entry('b') },
  })
  assert.deepEqual(withSums(known, testSource(), {}), { helm: { '2.0.0': entry('b') } })
})
texts.run()

const update = suite<{ machine: Fixture }>('updateVersion()')
update.before.each(async context => {
  context.machine = await openFixture()
})
update.after.each(async ({ machine }) => machine.close())

const HELM = 'module y\n\nrequire lab.test/helm v1.2.3\n'

/** A folder with files to change and a `go` that moves the one required module; fails for versions that it does not know. */
function prepare({ dir, pathDir, options }: Fixture) {
  const files = { versions: join(dir, 'versions.ts'), sums: join(dir, 'sums.json'), manifests: [] }
  writeFileSync(files.versions, "export const versions = {\n  etcd: '1.2.3',\n  helm: '1.2.3',\n}\n")
  writeFileSync(files.sums, '{}\n')
  mkdirSync(join(dir, 'go', 'etcd'), { recursive: true })
  mkdirSync(join(dir, 'go', 'helm'))
  writeFileSync(join(dir, 'go', 'etcd', 'go.mod'), 'module x\n\nrequire lab.test/etcd v0.2.3\n')
  writeFileSync(join(dir, 'go', 'etcd', 'go.sum'), 'lab.test/etcd v0.2.3 h1:a=\n')
  writeFileSync(join(dir, 'go', 'helm', 'go.mod'), `${HELM}require lab.test/dep v1.0.0\n`)
  writeFileSync(join(dir, 'go', 'helm', 'go.sum'), 'lab.test/dep v1.0.0 h1:a=\n')
  writeFileSync(join(dir, 'their.mod'), 'module lab.test/etcd\n')
  writeProgram(
    join(pathDir, 'go'),
    `#!/bin/bash
PATH=/usr/bin:/bin
case "$*" in
  *@v0.9.9*) echo "unknown revision" >&2; exit 1;;
  "mod download"*) echo '{"GoMod":"${dir}/their.mod"}';;
  get*) printf 'module x\n\nrequire lab.test/etcd v%s\nrequire lab.test/dep v1.1.0\n' "\${2##*@v}" > go.mod;;
  "mod tidy")
    if [ -e ${dir}/refused ] && grep -q lab.test/helm go.mod; then echo "missing module" >&2; exit 1; fi
    # Of two versions of a module, the higher one.
    head -2 go.mod > new
    grep ^require go.mod | sort -rV | awk '!seen[$2]++' >> new
    mv new go.mod
    echo tidied > go.sum;;
esac
`,
  )
  const other = testSource({
    name: 'helm',
    programs: [{ name: 'helm', versionPattern: /v(\S+)/ }],
    go: { shared: /^lab\.test\/dep/ },
  })
  const source = testSource({
    go: { module: 'lab.test/etcd', moduleVersion: version => version.replace(/^1/, '0'), shared: /^lab\.test\/dep/ },
    assets: (version, { os, arch }) => [
      {
        url: `${releaseHost}/v${version}/etcd-${os}-${arch}`,
        members: { etcd: '' },
        checksum: { kind: 'file', url: `${releaseHost}/v${version}/SHA256SUMS` },
      },
    ],
  })
  const limitsMs: unknown[] = []
  const record: Run = (command, args, runOptions = {}) => {
    limitsMs.push(runOptions.timeoutMs)
    return runCommand(command, args, runOptions)
  }
  const context = createContext({ ...options, catalog: [source, other], run: record })
  const run = (name: string, version: string) =>
    updateVersion(name, version, { context, files, onStep: () => undefined })
  const pin = (name: string, folder = 'etcd') => readFileSync(join(dir, 'go', folder, name), 'utf8')
  return { files, run, limitsMs, pin }
}

update('writes the version, the Go pins and the sums of every platform that is published', async ({ machine }) => {
  const { files, run, pin } = prepare(machine)
  const url = '/v1.3.0/SHA256SUMS'
  machine.routes[url] = `${sum('a')}  etcd-linux-amd64\n${sum('b')}  etcd-darwin-arm64\n`
  const done = await run('etcd', '1.3.0')
  assert.match(readFileSync(files.versions, 'utf8'), /^ {2}etcd: '1\.3\.0',\n {2}helm: '1\.2\.3',$/m)
  assert.equal(pin('go.mod'), 'module x\n\nrequire lab.test/etcd v0.3.0\nrequire lab.test/dep v1.1.0\n')
  assert.equal(pin('go.sum'), 'tidied\n')
  assert.equal(pin('go.mod', 'helm'), `${HELM}require lab.test/dep v1.1.0\n`)
  assert.ok(done.includes('kwok-config/go/helm: resolved again, with the modules that it shares'), done.join('\n'))
  const sources = [releaseHost + url]
  assert.deepEqual(JSON.parse(readFileSync(files.sums, 'utf8')), {
    etcd: {
      '1.3.0': {
        'linux/amd64': { sha256: sum('a'), sources },
        'darwin/arm64': { sha256: sum('b'), sources },
      },
    },
  })
  assert.equal(done.filter(line => line.startsWith('no sum')).length, 2)
  // Nothing is left to raise.
  assert.ok((await run('etcd', '1.3.0')).every(line => !line.includes('go/helm')))
})

update('goes on without sums where the network has none', async ({ machine }) => {
  const { files, run } = prepare(machine)
  const done = await run('etcd', '1.3.0')
  assert.match(readFileSync(files.versions, 'utf8'), /etcd: '1\.3\.0'/)
  assert.equal(readFileSync(files.sums, 'utf8'), '{}\n')
  assert.match(done.join('\n'), /SHA256SUMS answers 404/)
})

update('changes nothing where Go cannot resolve the version', async ({ machine }) => {
  const { files, run, pin } = prepare(machine)
  await assert.rejects(run('etcd', '1.9.9'), /unknown revision/)
  assert.match(readFileSync(files.versions, 'utf8'), /etcd: '1\.2\.3'/)
  assert.match(pin('go.mod'), /v0\.2\.3/)
})

update('changes nothing where a build that shares modules cannot be resolved', async ({ machine }) => {
  const { files, run, pin } = prepare(machine)
  writeFileSync(join(machine.dir, 'refused'), '')
  await assert.rejects(run('etcd', '1.3.0'), /missing module/)
  assert.match(readFileSync(files.versions, 'utf8'), /etcd: '1\.2\.3'/)
  assert.match(pin('go.mod'), /v0\.2\.3/)
  assert.match(pin('go.mod', 'helm'), /lab\.test\/dep v1\.0\.0/)
})

update('gives Go as long as a build, for a slow network', async ({ machine }) => {
  const { run, limitsMs } = prepare(machine)
  await run('etcd', '1.3.0')
  assert.ok(limitsMs.length > 3)
  assert.deepEqual(new Set(limitsMs), new Set([BUILD_TIMEOUT_MS]))
})

update('prints its usage when a name or version is missing', async ({ machine }) => {
  const { run } = prepare(machine)
  for (const name of ['', 'etcd']) {
    await assert.rejects(run(name, ''), {
      name: 'UsageError',
      message: 'update-version needs a program and a version',
      next: 'npx tsx tasks/update-version.ts <program> <version>; programs: etcd, helm, otel-chart, lgtm, node',
    })
  }
})

update('refuses an unknown name and an invalid version', async ({ machine }) => {
  const { run } = prepare(machine)
  await assert.rejects(run('etcdd', '1.3.0'), {
    name: 'UsageError',
    next: 'use one of etcd, helm, otel-chart, lgtm, node',
  })
  await assert.rejects(run('etcd', 'v1.3.0'), { name: 'UsageError', message: 'v1.3.0 is not a version' })
})
update.run()
