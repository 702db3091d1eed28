import 'reflect-metadata'
import { createPrivateKey, webcrypto } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

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

/** A client certificate for a user and its groups, PEM, signed by a CA of `testCa()`. */
export async function signClientCertificate(
  ca: { caPem: string; caKeyPem: string },
  { user, groups = [], notAfterMs = Date.now() + 3_600_000 }: { user: string; groups?: string[]; notAfterMs?: number },
): Promise<{ cert: string; key: string }> {
  const { subtle } = webcrypto
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const caKey = createPrivateKey(ca.caKeyPem).export({ type: 'pkcs8', format: 'der' })
  const keys = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [user] }, ...groups.map(group => ({ O: [group] }))],
    issuer: new X509Certificate(ca.caPem).subjectName,
    notBefore: new Date(Math.min(Date.now(), notAfterMs) - 60_000),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await subtle.importKey('pkcs8', caKey, algorithm, false, ['sign']),
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
  })
  const der = Buffer.from(await subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { cert: certificate.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
