import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect } from 'node:tls'
import { suite } from 'uvu'
import { createKubeletCertificates } from '../../../../lib/kubelet/server/kubelet-certificates.ts'
import { openSavedMap } from '../../../../lib/kubelet/store/saved-map.ts'
import { caPath } from '../../../../lib/lab/kubeconfig.ts'
import { ensureKubeletCa } from '../../../../lib/lab/kubelet-ca.ts'
import { tempLab } from '../../../support/temp-lab.ts'
import { writeTestCa } from '../../kube/ca.ts'

const lab = tempLab()
const { caPem } = await writeTestCa(lab.clusterDir)
const { file } = await ensureKubeletCa(lab, '198.18.0.0/16')
const saved = openSavedMap(undefined, error => assert.fail(String(error)))
const open = () =>
  createKubeletCertificates({ kubeletCaFile: file, clientCaFile: caPath(lab), saved, onServer: () => {} })

/** The names in the certificate of a node's kubelet, as a client of the CA accepts it for that address. */
async function namesOf(name: string, address: string, certificates = open()): Promise<string | undefined> {
  const kubelet = await certificates.serverOf(name, address)
  const server = createServer(socket => kubelet.emit('connection', socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const checked = { ca: caPem, checkServerIdentity: () => undefined }
  const socket = connect({ ...checked, port, host: '127.0.0.1' })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().subjectaltname
  } finally {
    socket.destroy()
    server.close()
  }
}

const certificates = suite('createKubeletCertificates()')

certificates('makes certificates that clients accept in the range of addresses only', async () => {
  assert.equal(await namesOf('node-0', '198.18.0.1'), 'DNS:node-0, IP Address:198.18.0.1')
  for (const address of ['127.0.0.1', '198.17.255.255', '198.19.0.0', '::1']) {
    await assert.rejects(namesOf('node-1', address), /permitted subtree violation/, address)
  }
})

certificates('leaves out a name that the API server may have', async () => {
  for (const name of ['localhost', 'kubernetes', 'a.default.svc', 'x.svc.cluster.local', 'kwok-unit-kube-apiserver']) {
    assert.equal(await namesOf(name, '198.18.0.2'), 'IP Address:198.18.0.2', name)
  }
  assert.equal(await namesOf('mysvc', '198.18.0.2'), 'DNS:mysvc, IP Address:198.18.0.2')
})

certificates('keeps a certificate until the address changes, or it is damaged or forgotten', async () => {
  const made = async (address: string, change = () => {}) => {
    change()
    const each = open()
    await each.serverOf('kept', address)
    return each.madeCount
  }
  assert.equal(await made('198.18.0.3'), 1)
  assert.equal(await made('198.18.0.3'), 0)
  assert.equal(await made('198.18.0.4'), 1)
  for (const value of [7, { certificate: 'x', key: 'y' }, { certificate: caPem, key: 'y' }]) {
    assert.equal(await made('198.18.0.4', () => saved.set('certificate/kept', value)), 1)
  }
  const run = open()
  const [first, second] = await Promise.all([run.serverOf('kept', '198.18.0.4'), run.serverOf('kept', '198.18.0.4')])
  assert.equal(first, second, 'one server')
  assert.equal(await made('198.18.0.4', () => open().forget('kept')), 1)
  assert.equal(await made('198.18.0.4', () => open().keepOnly(name => name !== 'kept')), 1)
})

certificates.run()
