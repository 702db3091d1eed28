import 'reflect-metadata'
import { createPrivateKey, webcrypto } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509'

/** A CA as kwokctl makes it, RSA, with its key: PEM. */
export async function testCa(): Promise<{ caPem: string; caKeyPem: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(
    { ...algorithm, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  )
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=kwok-ca',
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return {
    caPem: `${certificate.toString('pem')}\n`,
    // As kwokctl writes it.
    caKeyPem: key.export({ type: 'pkcs1', format: 'pem' }).toString(),
  }
}

/** Puts a CA where kwokctl leaves a cluster's. */
export async function writeTestCa(clusterDir: string): Promise<{ caPem: string; caKeyPem: string }> {
  const ca = await testCa()
  const pki = join(clusterDir, 'pki')
  mkdirSync(pki, { recursive: true })
  writeFileSync(join(pki, 'ca.crt'), ca.caPem)
  writeFileSync(join(pki, 'ca.key'), ca.caKeyPem)
  return ca
}
