import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IpRange, ipRange } from '../cli/ip-range.ts'
import { componentContainer } from './container-names.ts'
import { caPath } from './kubeconfig.ts'
import { type Lab, writeFileAtomically } from './lab.ts'
import { DAY_MS, isSignedBy, loadX509, newCertificate, signingKey } from './new-certificate.ts'
import { reservedNames } from './reserved-names.ts'

/** Each certificate of a kubelet must end before it. */
const VALID_DAYS = 5 * 365
/** Longer than a kubelet's certificate is valid. */
const RENEW_DAYS = 400

/**
 * The file of the CA that signs the kubelets' serving certificates, mode 0600: its certificate, signed by the cluster's CA, then its key. It
 * can sign serving certificates of this range of addresses only, and none for the names of the API server. It is replaced when the
 * cluster's CA or the range changes, and before it expires.
 *
 * Throws an Error for an invalid range.
 */
export async function ensureKubeletCa(lab: Lab, range: string): Promise<{ file: string }> {
  const addresses = ipRange(range)
  if (addresses === undefined) throw new Error(`${range} is not a range of IPv4 addresses`)
  const file = join(lab.kubeconfigDir, 'kubelet-ca.pem')
  const caPem = readFileSync(caPath(lab), 'utf8')
  // Names that certificates of kwokctl's API server have.
  const apiServer = componentContainer(lab.settings.clusterName, 'kube-apiserver')
  const constraints = nameConstraints(addresses, [...reservedNames, apiServer])
  if (existsSync(file) && isUsableCa(readFileSync(file, 'utf8'), { caPem, constraints, nowMs: Date.now() }))
    return { file }
  const caKeyPem = readFileSync(join(lab.clusterDir, 'pki', 'ca.key'), 'utf8')
  writeFileAtomically(file, await signKubeletCa({ caPem, caKeyPem, constraints }))
  return { file }
}

/** Whether the file's certificate belongs to its key, is signed by this CA, has these constraints and lasts long enough. */
function isUsableCa(
  pem: string,
  { caPem, constraints, nowMs }: { caPem: string; constraints: Buffer; nowMs: number },
): boolean {
  try {
    const [own, root] = [new X509Certificate(pem), new X509Certificate(caPem)]
    return (
      isSignedBy(root, own, pem) &&
      own.raw.includes(constraints) &&
      // Not longer than the cluster's CA itself.
      (own.validTo === root.validTo || Date.parse(own.validTo) - nowMs > RENEW_DAYS * DAY_MS)
    )
  } catch {
    // A damaged file.
    return false
  }
}

/** A new CA's certificate and key, PEM, signed by the cluster's CA. */
async function signKubeletCa(given: { caPem: string; caKeyPem: string; constraints: Buffer }): Promise<string> {
  const x509 = await loadX509()
  const root = new x509.X509Certificate(given.caPem)
  const { certificate, key } = await newCertificate({
    subject: 'CN=kube-otel-lab kubelet CA',
    issuer: root.subjectName,
    days: VALID_DAYS,
    endMs: root.notAfter.getTime(),
    signing: await signingKey(given.caKeyPem),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.Extension('2.5.29.30', true, given.constraints),
    ],
  })
  return certificate + key
}

/** The value of the extension `nameConstraints` (RFC 5280, 4.2.1.10), DER: one permitted range of addresses, and excluded DNS names. */
function nameConstraints({ first, size }: IpRange, excludedNames: readonly string[]): Buffer {
  const address = Buffer.alloc(8)
  address.writeUInt32BE(first)
  address.writeUInt32BE(2 ** 32 - size, 4)
  const names = excludedNames.map(name => der(0x30, der(0x82, Buffer.from(name))))
  return der(0x30, der(0xa0, der(0x30, der(0x87, address))), der(0xa1, ...names))
}

/** An element of less than 64 KiB. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
