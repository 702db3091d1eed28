import { createPrivateKey, KeyObject, randomBytes, webcrypto, type X509Certificate } from 'node:crypto'
import type { Extension, X509CertificateCreateParamsName } from '@peculiar/x509'

/** A certificate and its key, PEM. */
export interface SignedCertificate {
  certificate: string
  key: string
}

/** The key of a CA, and the algorithm of its signatures. */
export interface SigningKey {
  key: webcrypto.CryptoKey
  algorithm: { name: string; hash: string }
}

export const DAY_MS = 86_400_000

/** The keys of all certificates that the lab signs. */
const EC_KEY = { name: 'ECDSA', namedCurve: 'P-256' }
/** kwokctl's CA has an RSA key; that of the kubelets has an elliptic one. */
const RSA_SIGNING = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
const EC_SIGNING = { name: 'ECDSA', hash: 'SHA-256' }

/** The library that makes certificates. It takes half a second to load, and is needed once a year. */
export async function loadX509() {
  await import('reflect-metadata')
  return await import('@peculiar/x509')
}

/** Reads the key of a CA, PEM. */
export async function signingKey(caKeyPem: string): Promise<SigningKey> {
  const privateKey = createPrivateKey(caKeyPem)
  const isRsa = privateKey.asymmetricKeyType === 'rsa'
  const algorithm = isRsa ? RSA_SIGNING : EC_SIGNING
  const der = privateKey.export({ type: 'pkcs8', format: 'der' })
  const key = await webcrypto.subtle.importKey('pkcs8', der, isRsa ? RSA_SIGNING : EC_KEY, false, ['sign'])
  return { key, algorithm }
}

/** A new key, and a certificate for it. It is valid for a number of days, but not longer than `endMs` (epoch). */
export async function newCertificate(given: {
  subject: X509CertificateCreateParamsName
  issuer: X509CertificateCreateParamsName
  days: number
  endMs?: number
  signing: SigningKey
  extensions: Extension[]
}): Promise<SignedCertificate> {
  const { subject, issuer, days, endMs = Number.POSITIVE_INFINITY, signing, extensions } = given
  const { X509CertificateGenerator } = await loadX509()
  const keys = await webcrypto.subtle.generateKey(EC_KEY, true, ['sign', 'verify'])
  const nowMs = Date.now()
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject,
    issuer,
    // The clock of an engine's virtual machine may be behind.
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(Math.min(nowMs + days * DAY_MS, endMs)),
    signingAlgorithm: signing.algorithm,
    publicKey: keys.publicKey,
    signingKey: signing.key,
    extensions,
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { certificate: `${certificate.toString('pem')}\n`, key: key.toString() }
}

/** Whether a CA has signed a certificate, and this is its key, PEM. */
export function isSignedBy(ca: X509Certificate, own: X509Certificate, keyPem: string): boolean {
  return own.checkPrivateKey(createPrivateKey(keyPem)) && own.checkIssued(ca) && own.verify(ca.publicKey)
}
