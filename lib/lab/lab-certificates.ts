import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { caPath, labNamespace, type Reader } from './kubeconfig.ts'
import { type Lab, writeFileAtomically } from './lab.ts'
import { DAY_MS, isSignedBy, loadX509, newCertificate, type SignedCertificate, signingKey } from './new-certificate.ts'

const VALID_DAYS = 365
/** `make kwok` replaces a certificate with less time left. */
const RENEW_DAYS = 30

/** What a certificate is for: a server with these DNS names and IP addresses, or a client that is `name` in these groups. */
export type CertificatePurpose = { name: string } & ({ hosts: readonly string[] } | { groups: readonly string[] })

/**
 * The files of a service's serving certificate, mode 0600. The cluster's CA signs it for these DNS names and IP addresses and for server
 * authentication only: it is no client certificate. It is replaced when the CA or the names change, or within 30 days of its expiry.
 */
export async function ensureServingCertificate(lab: Lab, name: string, hosts: readonly string[]) {
  return await ensureCertificate(lab, name, { name, hosts })
}

/**
 * The files of a reader's client certificate, mode 0600. The cluster's CA signs it for the reader's service account and for client
 * authentication only. It is replaced as a serving certificate is.
 */
export async function ensureClientCertificate(lab: Lab, reader: Reader) {
  const name = `system:serviceaccount:${labNamespace}:${reader}`
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${labNamespace}`]
  return await ensureCertificate(lab, `${reader}-client`, { name, groups })
}

async function ensureCertificate(
  lab: Lab,
  file: string,
  purpose: CertificatePurpose,
): Promise<{ certificateFile: string; keyFile: string }> {
  const certificateFile = join(lab.kubeconfigDir, `${file}.crt`)
  const keyFile = join(lab.kubeconfigDir, `${file}.key`)
  const caPem = readFileSync(caPath(lab), 'utf8')
  const isThere = existsSync(certificateFile) && existsSync(keyFile)
  const read = (path: string) => readFileSync(path, 'utf8')
  const hosts = 'hosts' in purpose ? purpose.hosts : []
  const isCurrent =
    isThere && isUsable({ certificate: read(certificateFile), key: read(keyFile) }, { caPem, hosts, nowMs: Date.now() })
  if (!isCurrent) {
    const caKeyPem = readFileSync(join(lab.clusterDir, 'pki', 'ca.key'), 'utf8')
    const signed = await signCertificate({ ...purpose, caPem, caKeyPem })
    writeFileAtomically(keyFile, signed.key)
    writeFileAtomically(certificateFile, signed.certificate)
  }
  return { certificateFile, keyFile }
}

/** Whether a certificate belongs to its key, is signed by this CA, names all hosts and is valid for another 30 days. */
export function isUsable(
  { certificate, key }: SignedCertificate,
  { caPem, hosts, nowMs }: { caPem: string; hosts: readonly string[]; nowMs: number },
): boolean {
  try {
    const [own, ca] = [new X509Certificate(certificate), new X509Certificate(caPem)]
    const names = (host: string) => (isIP(host) === 0 ? own.checkHost(host) : own.checkIP(host)) !== undefined
    return isSignedBy(ca, own, key) && hosts.every(names) && Date.parse(own.validTo) - nowMs > RENEW_DAYS * DAY_MS
  } catch {
    // A damaged file.
    return false
  }
}

/** A new key and a certificate for it, signed by the CA for server or client authentication only. */
export async function signCertificate(
  given: CertificatePurpose & { caPem: string; caKeyPem: string },
): Promise<SignedCertificate> {
  const x509 = await loadX509()
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  const names = (hosts: readonly string[]) =>
    hosts.map(value => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
  return await newCertificate({
    subject: [...('groups' in given ? given.groups : []).map(group => ({ O: [group] })), { CN: [given.name] }],
    issuer: new x509.X509Certificate(given.caPem).subjectName,
    days: VALID_DAYS,
    signing: await signingKey(given.caKeyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['hosts' in given ? serverAuth : clientAuth]),
      ...('hosts' in given ? [new x509.SubjectAlternativeNameExtension(names(given.hosts))] : []),
    ],
  })
}
