import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse, stringify } from 'yaml'
import { LabError } from '../../../lib/cli/errors.ts'
import { kubeconfigText } from '../../../lib/lab/kubeconfig.ts'
import {
  apiServer,
  requireOwnContext,
  requireWritableKubeconfig,
  restoreContext,
  switchContext,
  userKubeconfig,
} from '../../../lib/lab/kubectl-context.ts'
import { type Lab, readRecord, writeRecord } from '../../../lib/lab/lab.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'
import { CERTIFICATE, KEY } from '../kube/tls.ts'

const dir = tempDir()
const [there, alsoThere, none, otherNone] = ['there', 'also-there', 'none', 'other-none'].map(name =>
  join(dir, name),
) as [string, string, string, string]
writeFileSync(there, '')
writeFileSync(alsoThere, '')

const files = suite('userKubeconfig()')
const home = join(homedir(), '.kube', 'config')
for (const [fact, variable, file] of [
  ['is kubectl’s own without KUBECONFIG', undefined, home],
  ['is kubectl’s own for an empty one', '', home],
  ['is kubectl’s own for one of nothing but colons', '::', home],
  ['is the one file', none, none],
  ['is the first of several that is there', `${none}:${there}:${alsoThere}`, there],
  ['is the last when none is there', `${none}:${otherNone}`, otherNone],
  ['passes over empty entries', `:${none}:`, none],
] as const) {
  files(fact, () => assert.equal(userKubeconfig(variable === undefined ? {} : { KUBECONFIG: variable }), file))
}
files.run()

const writable = suite('requireWritableKubeconfig()')
const require = (KUBECONFIG: string) => requireWritableKubeconfig({ KUBECONFIG })

writable('accepts an existing file, and one in missing folders', () => {
  require(there)
  require(join(dir, 'new', 'deeper', 'config'))
  assert(!existsSync(join(dir, 'new')))
})

for (const [fact, file, why] of [
  ['a file under a file', join(there, 'config'), `${there} is not a folder`],
  ['a file far under a file', join(there, 'a', 'b', 'config'), `${there} is not a folder`],
  ['a folder', dir, 'it is not a file'],
  ['a device', '/dev/null', 'it is not a file'],
] as const) {
  writable(`refuses ${fact}`, () => {
    assert.throws(() => require(file), {
      name: 'LabError',
      message: `Cannot write the kubeconfig ${file}: ${why}`,
      next: 'set KUBECONFIG to a file that you can write',
    })
  })
}

// Root may write whatever its mode says.
const asUser = process.getuid?.() === 0 ? writable.skip : writable
asUser('refuses a read-only file', () => {
  const file = join(dir, 'read-only')
  writeFileSync(file, '')
  chmodSync(file, 0o400)
  assert.throws(() => require(file), /^LabError: Cannot write the kubeconfig .*EACCES/)
})
writable.run()

/** A lab with what kwokctl leaves of a cluster: a kubeconfig and certificates; KUBECONFIG names a new file. */
function labWithCluster(): { lab: Lab; kubeconfig: string } {
  const lab = tempLab()
  mkdirSync(join(lab.clusterDir, 'pki'), { recursive: true })
  const files = { 'ca.crt': CERTIFICATE, 'admin.crt': CERTIFICATE, 'admin.key': KEY }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(lab.clusterDir, 'pki', name), text)
  const cluster = { context: lab.context, caPem: CERTIFICATE, user: 'admin', token: 't' }
  writeFileSync(lab.adminKubeconfig, kubeconfigText({ ...cluster, server: 'https://127.0.0.1:32764' }))
  writeRecord(lab, { settings: {}, kwokWorkdir: lab.kwokWorkdir })
  const kubeconfig = join(tempDir(), 'kube', 'config')
  process.env.KUBECONFIG = kubeconfig
  return { lab, kubeconfig }
}

const theirs = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'theirs', cluster: { server: 'https://192.0.2.1' } }],
  users: [{ name: 'theirs', user: { token: 'secret' } }],
  contexts: [
    { name: 'theirs', context: { cluster: 'theirs', user: 'theirs' } },
    { name: 'second', context: { cluster: 'theirs', user: 'theirs' } },
  ],
  'current-context': 'theirs',
}
function writeTheirs(file: string, change: object = {}): void {
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, stringify({ ...theirs, ...change }), { mode: 0o600 })
}
const read = (file: string) => parse(readFileSync(file, 'utf8'))

const owns = suite('requireOwnContext()')

for (const [fact, content, why] of [
  ['what is not YAML', 'users:\n- name: a\n  user: {token: s3cret\n', /:4:1: /],
  ['a tab', 'apiVersion: v1\n\tkind: Config\n', /:2:1: /],
  ['an alias of nothing', 'contexts: *nothing\n', /: Unresolved alias/],
] as const) {
  owns(`names the file of KUBECONFIG that is broken, with the line: ${fact}`, () => {
    const whole = join(tempDir(), 'whole')
    const broken = join(tempDir(), 'broken')
    writeTheirs(whole)
    writeFileSync(broken, content)
    for (const KUBECONFIG of [broken, `${whole}:${broken}`, `${none}:${broken}:${whole}`]) {
      assert.throws(
        () => requireOwnContext(tempLab(), { KUBECONFIG }),
        error => {
          assert(error instanceof LabError)
          assert.match(error.message, new RegExp(`^Cannot read ${broken}${why.source}`))
          assert(!error.message.includes('s3cret'), 'it shows what is secret')
          assert.equal(error.next, `fix ${broken}, or set KUBECONFIG`)
          return true
        },
      )
    }
  })
}

owns('refuses a context of the lab’s name in any of the files, unless the lab added it', () => {
  const [first, second] = [join(tempDir(), 'first'), join(tempDir(), 'second')]
  writeTheirs(first)
  writeTheirs(second, { contexts: [{ name: 'kwok-unit', context: { cluster: 'theirs', user: 'theirs' } }] })
  const lab = tempLab()
  requireOwnContext(lab, { KUBECONFIG: `${none}:${first}` })
  requireOwnContext(lab, { KUBECONFIG: `/dev/null:${first}` })
  assert.throws(() => requireOwnContext(lab, { KUBECONFIG: `${first}:${second}` }), {
    name: 'LabError',
    message: `Your kubeconfig has a context "kwok-unit" that the lab did not create: it is in ${second}`,
  })
  writeRecord(lab, { settings: {}, previousContext: 'theirs' })
  requireOwnContext(lab, { KUBECONFIG: `${first}:${second}` })
})
owns.run()

const switches = suite('switchContext()')
const { KUBECONFIG: before } = process.env
switches.after(() => {
  if (before === undefined) delete process.env.KUBECONFIG
  else process.env.KUBECONFIG = before
})

switches('makes the lab’s context current in a new kubeconfig of mode 0600', async () => {
  const { lab, kubeconfig } = labWithCluster()
  assert.equal(apiServer(lab), 'https://127.0.0.1:32764')
  assert.equal(await switchContext(lab), true)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const { clusters, users, contexts, 'current-context': current } = read(kubeconfig)
  assert.equal(current, 'kwok-unit')
  assert.deepEqual(contexts, [{ name: 'kwok-unit', context: { cluster: 'kwok-unit', user: 'kwok-unit' } }])
  assert.deepEqual(clusters, [
    {
      name: 'kwok-unit',
      cluster: { server: 'https://127.0.0.1:32764', 'certificate-authority-data': base64(CERTIFICATE) },
    },
  ])
  const user = { 'client-certificate-data': base64(CERTIFICATE), 'client-key-data': base64(KEY) }
  assert.deepEqual(users, [{ name: 'kwok-unit', user }])
  assert.equal(statSync(kubeconfig).mode & 0o777, 0o600)
  assert.equal(readRecord(lab.dir)?.kubeconfigMade, true)
})

switches('keeps the other contexts, records the current one, and does nothing the second time', async () => {
  const { lab, kubeconfig } = labWithCluster()
  writeTheirs(kubeconfig)
  assert.equal(await switchContext(lab), true)
  const first = readFileSync(kubeconfig, 'utf8')
  assert.equal(await switchContext(lab), false)
  assert.equal(readFileSync(kubeconfig, 'utf8'), first)
  assert.deepEqual(
    read(kubeconfig)
      .contexts.map((each: { name: string }) => each.name)
      .sort(),
    ['kwok-unit', 'second', 'theirs'],
  )
  const { previousContext, kubeconfigMade } = readRecord(lab.dir) ?? {}
  assert.deepEqual([previousContext, kubeconfigMade], ['theirs', false])
})

switches('updates the server of a recreated cluster', async () => {
  const { lab, kubeconfig } = labWithCluster()
  await switchContext(lab)
  const admin = readFileSync(lab.adminKubeconfig, 'utf8').replace(':32764', ':32765')
  writeFileSync(lab.adminKubeconfig, admin)
  assert.equal(await switchContext(lab), true)
  assert.equal(read(kubeconfig).clusters[0].cluster.server, 'https://127.0.0.1:32765')
})
switches.run()

const restores = suite('restoreContext()')

restores('restores the file', async () => {
  const { lab, kubeconfig } = labWithCluster()
  writeTheirs(kubeconfig)
  await switchContext(lab)
  // As while a task has the lab for itself.
  writeFileSync(`${lab.dir}.lock`, '{}')
  await restoreContext(lab)
  const { clusters, users, contexts, 'current-context': current } = read(kubeconfig)
  assert.deepEqual([clusters, users, current], [theirs.clusters, theirs.users, 'theirs'])
  assert.equal(contexts.length, 2)
})

restores('removes a file that the lab created', async () => {
  const { lab, kubeconfig } = labWithCluster()
  await switchContext(lab)
  await restoreContext(lab)
  assert(!existsSync(kubeconfig))
})

restores('keeps a context that the user has selected since', async () => {
  const { lab, kubeconfig } = labWithCluster()
  writeTheirs(kubeconfig)
  await switchContext(lab)
  writeFileSync(kubeconfig, stringify({ ...read(kubeconfig), 'current-context': 'second' }))
  await restoreContext(lab)
  assert.equal(read(kubeconfig)['current-context'], 'second')
})

restores('leaves no current context when the previous one was deleted', async () => {
  const { lab, kubeconfig } = labWithCluster()
  writeTheirs(kubeconfig)
  await switchContext(lab)
  const now = read(kubeconfig)
  const contexts = now.contexts.filter((each: { name: string }) => each.name !== 'theirs')
  writeFileSync(kubeconfig, stringify({ ...now, contexts }))
  await restoreContext(lab)
  assert.equal(read(kubeconfig)['current-context'] ?? '', '')
})

restores('keeps a file that the lab created and the user has changed', async () => {
  const { lab, kubeconfig } = labWithCluster()
  await switchContext(lab)
  const now = read(kubeconfig)
  writeFileSync(kubeconfig, stringify({ ...now, contexts: [...now.contexts, ...theirs.contexts] }))
  await restoreContext(lab)
  assert.equal(read(kubeconfig).contexts.length, 2)
})

restores('does nothing without a kubeconfig, or in one without the lab', async () => {
  const { lab, kubeconfig } = labWithCluster()
  await restoreContext(lab)
  assert(!existsSync(kubeconfig))
  writeTheirs(kubeconfig)
  const first = readFileSync(kubeconfig, 'utf8')
  await restoreContext(lab)
  assert.deepEqual(read(kubeconfig), parse(first))
})
restores.run()
