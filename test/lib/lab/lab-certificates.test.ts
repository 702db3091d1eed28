import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { suite } from 'uvu'
import {
  ensureClientCertificate,
  ensureServingCertificate,
  isUsable,
  signCertificate,
} from '../../../lib/lab/lab-certificates.ts'
import { tempLab } from '../../support/temp-lab.ts'
import { testCa, writeTestCa } from '../kube/ca.ts'

const HOSTS = ['web.example.svc', '127.0.0.1']
const DAY_MS = 86_400_000

const signing = suite('signCertificate()')

signing('serves clients that trust the CA, under each of its names and no other', async () => {
  const ca = await testCa()
  const { certificate, key } = await signCertificate({ name: 'web', hosts: HOSTS, ...ca })
  const server = createServer({ cert: certificate, key }, (_, response) => response.end('ok'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async (servername?: string) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      ca: ca.caPem,
      agent: false,
      ...(servername && { servername }),
    }).end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    return answer.statusCode
  }
  try {
    assert.equal(await ask(), 200)
    assert.equal(await ask('web.example.svc'), 200)
    await assert.rejects(ask('other.example.svc'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  } finally {
    server.close()
  }
})

signing('is no CA and no client certificate: server authentication only', async () => {
  const ca = await testCa()
  const { certificate, key } = await signCertificate({ name: 'web', hosts: HOSTS, ...ca })
  const own = new X509Certificate(certificate)
  assert.equal(own.ca, false)
  assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  const server = createServer(
    { cert: certificate, key, ca: ca.caPem, requestCert: true, rejectUnauthorized: false },
    ({ socket }, response) => response.end(String((socket as TLSSocket).authorizationError)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const asked = request({ host: '127.0.0.1', port, ca: ca.caPem, cert: certificate, key, agent: false }).end()
    const [answer] = await once(asked, 'response')
    assert.equal(await text(answer), 'INVALID_PURPOSE')
  } finally {
    server.close()
  }
})
signing.run()

const usable = suite('isUsable()')

usable('holds with its key, its CA and its names, until 30 days before its expiry', async () => {
  const [ca, otherCa] = await Promise.all([testCa(), testCa()])
  const given = { name: 'web', hosts: HOSTS }
  const [signed, another] = await Promise.all([given, given].map(each => signCertificate({ ...each, ...ca })))
  assert(signed !== undefined && another !== undefined)
  const now = { caPem: ca.caPem, hosts: HOSTS, nowMs: Date.now() }
  assert.equal(isUsable(signed, now), true)
  assert.equal(isUsable({ ...signed, key: another.key }, now), false, 'the key of another')
  assert.equal(isUsable(signed, { ...now, caPem: otherCa.caPem }), false, 'a new CA of the same name')
  assert.equal(isUsable(signed, { ...now, hosts: [...HOSTS, 'localhost'] }), false, 'one more name')
  assert.equal(isUsable(signed, { ...now, hosts: ['127.0.0.2'] }), false, 'another address')
  assert.equal(isUsable(signed, { ...now, nowMs: Date.now() + 334 * DAY_MS }), true, '31 days before its end')
  assert.equal(isUsable(signed, { ...now, nowMs: Date.now() + 336 * DAY_MS }), false, '29 days before its end')
  assert.equal(isUsable({ ...signed, certificate: 'damaged' }, now), false, 'a damaged file')
})
usable.run()

const ensuring = suite('ensureServingCertificate()')

ensuring('keeps a usable one in files of mode 0600, and replaces it when the CA is another', async () => {
  const lab = tempLab()
  await writeTestCa(lab.clusterDir)
  const files = await ensureServingCertificate(lab, 'web', HOSTS)
  const read = () => [files.certificateFile, files.keyFile].map(file => readFileSync(file, 'utf8'))
  const first = read()
  for (const file of Object.values(files)) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  assert.deepEqual(await ensureServingCertificate(lab, 'web', HOSTS), files)
  assert.deepEqual(read(), first)
  writeFileSync(files.keyFile, '')
  await ensureServingCertificate(lab, 'web', HOSTS)
  const second = read()
  assert.notEqual(second[1], '')
  await writeTestCa(lab.clusterDir)
  await ensureServingCertificate(lab, 'web', HOSTS)
  assert.notDeepEqual(read(), second)
})

ensuring('signs a client certificate of a service account for client authentication only', async () => {
  const lab = tempLab()
  const ca = await writeTestCa(lab.clusterDir)
  const { certificateFile, keyFile } = await ensureClientCertificate(lab, 'collector')
  const own = new X509Certificate(readFileSync(certificateFile))
  assert.deepEqual(own.subject.split('\n').sort(), [
    'CN=system:serviceaccount:kube-otel-lab:collector',
    'O=system:serviceaccounts',
    'O=system:serviceaccounts:kube-otel-lab',
  ])
  assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  assert.equal(own.ca, false)
  assert.equal(own.verify(new X509Certificate(ca.caPem).publicKey), true)
  assert.equal(statSync(keyFile).mode & 0o777, 0o600)
})
ensuring.run()
