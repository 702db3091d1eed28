import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import { ensureKubeletCa } from '../../../lib/lab/kubelet-ca.ts'
import { tempLab } from '../../support/temp-lab.ts'
import { writeTestCa } from '../kube/ca.ts'

const ensuring = suite('ensureKubeletCa()')

ensuring(
  'keeps a usable CA in a file of mode 0600, and replaces it for another range or a new cluster CA',
  async () => {
    const lab = tempLab()
    const { caPem } = await writeTestCa(lab.clusterDir)
    const { file } = await ensureKubeletCa(lab, '198.18.0.0/16')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const first = readFileSync(file, 'utf8')
    const certificate = new X509Certificate(first)
    assert(certificate.ca && certificate.verify(new X509Certificate(caPem).publicKey))
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'serving certificates only')
    await ensureKubeletCa(lab, '198.18.0.0/16')
    assert.equal(readFileSync(file, 'utf8'), first)
    await ensureKubeletCa(lab, '198.18.0.0/17')
    const second = readFileSync(file, 'utf8')
    assert.notEqual(second, first)
    await writeTestCa(lab.clusterDir)
    await ensureKubeletCa(lab, '198.18.0.0/17')
    assert.notEqual(readFileSync(file, 'utf8'), second)
  },
)

ensuring('refuses what is no range', async () => {
  for (const range of ['', '198.18.0.0', '198.18.0.1/16', '198.18.0.0/33', '::/64', '198.18.0.0/16/2']) {
    await assert.rejects(ensureKubeletCa(tempLab(), range), /is not a range/, range)
  }
})

ensuring.run()
