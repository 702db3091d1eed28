import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { loadCredentials, podCredentials } from '../../../lib/kube/credentials.ts'
import { tempDir } from '../../support/temp-lab.ts'
import { CERTIFICATE } from './tls.ts'

/** Writes a kubeconfig of one cluster and user, and gives what is read of it. */
async function read(cluster: object, user: object | undefined, context?: string) {
  const dir = tempDir()
  const kubeconfig = join(dir, 'kubeconfig')
  writeFileSync(join(dir, 'ca.crt'), CERTIFICATE)
  writeFileSync(join(dir, 'client.crt'), 'a certificate')
  writeFileSync(join(dir, 'client.key'), 'a key')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'lab',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [
        { name: 'other', context: { cluster: 'none', user: 'none' } },
        { name: 'lab', context: { cluster: 'c', user: 'u' } },
      ],
    }),
  )
  return await loadCredentials({ kubeconfig, context })
}

const server = 'https://127.0.0.1:6443'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const tokenFile = join(tempDir(), 'token')
writeFileSync(tokenFile, 'from a file')
const files = { 'client-certificate': 'client.crt', 'client-key': 'client.key' }

const credentials = suite('loadCredentials()')

for (const [what, cluster, user] of [
  ['a token and the CA', { server, 'certificate-authority-data': base64(CERTIFICATE) }, { token: 'secret' }],
  ['the name in the certificate', { server, 'tls-server-name': 'localhost' }, files],
  ['a path and a slash in the address', { server: `${server}/k8s/`, 'certificate-authority': 'ca.crt' }, files],
  [
    'certificates in the file',
    { server, 'certificate-authority': 'ca.crt' },
    { 'client-certificate-data': base64('a certificate'), 'client-key-data': base64('a key') },
  ],
  ['a file and data of one certificate', { server }, { ...files, 'client-certificate-data': base64('another') }],
] as const) {
  credentials(`reads ${what} as the library does`, async () => {
    // An unknown field makes the library read the whole file.
    const byLibrary = await read({ ...cluster, unknown: true }, user)
    assert.deepEqual(await read(cluster, user), byLibrary)
    assert.deepEqual(await read(cluster, user, 'lab'), byLibrary)
  })
}

for (const [what, cluster, user, expected] of [
  ['a token file', { server }, { 'token-file': tokenFile }, /^Bearer from a file$/],
  ['a program that logs in', { server }, { exec: execOf('from a program') }, /^Bearer from a program$/],
] as const) {
  credentials(`leaves ${what} to the library`, async () => {
    assert.match((await read(cluster, user)).headers['Authorization'] ?? '', expected)
  })
}

credentials('reads a service account, with its token of the moment, only inside a pod', () => {
  const dir = tempDir()
  const inPod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  assert.equal(podCredentials(inPod, dir), undefined)
  writeFileSync(join(dir, 'ca.crt'), CERTIFICATE)
  for (const token of ['first', 'second']) {
    writeFileSync(join(dir, 'token'), token)
    assert.deepEqual(podCredentials(inPod, dir), {
      context: 'inClusterContext',
      server: 'https://[fd00::1]:443',
      tls: { ca: CERTIFICATE, rejectUnauthorized: true },
      headers: { Authorization: `Bearer ${token}` },
    })
  }
  assert.equal(podCredentials({ ...inPod, KUBERNETES_SERVICE_HOST: '10.0.0.1' }, dir)?.server, 'https://10.0.0.1:443')
  assert.equal(podCredentials({ ...inPod, KUBECONFIG: 'a file' }, dir), undefined)
  assert.equal(podCredentials({}, dir), undefined)
})

credentials('names a file that is not there', async () => {
  await assert.rejects(loadCredentials({ kubeconfig: 'none.yaml' }), {
    message: /^Cannot read kubeconfig none\.yaml: ENOENT: no such file or directory, open 'none\.yaml'$/,
    next: 'use an existing kubeconfig and a context in it',
  })
})

credentials('obeys what turns the check of the server off', async () => {
  assert.equal((await read({ server, 'insecure-skip-tls-verify': true }, files)).tls.rejectUnauthorized, false)
})

for (const [what, cluster, user, context, message] of [
  ['a context that is not there', { server }, files, 'prod', /there is no context "prod" \(there is: other, lab\)/],
  ['a context of no cluster', { server }, files, 'other', /context "other" names a cluster that is not there/],
  ['an address without TLS', { server: 'http://127.0.0.1:1' }, files, 'lab', /HTTP protocol is not allowed/],
  [
    'a file that is not there',
    { server, 'certificate-authority': 'none.crt' },
    files,
    'lab',
    /no such file.*none\.crt/,
  ],
] as const) {
  credentials(`refuses ${what}, in the library's words`, async () => {
    await assert.rejects(read(cluster, user, context), message)
  })
}

function execOf(token: string) {
  const answer = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }
  return { apiVersion: answer.apiVersion, command: 'echo', args: [JSON.stringify(answer)], interactiveMode: 'Never' }
}
credentials.run()
