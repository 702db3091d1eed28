import { createHash, createPrivateKey, hkdfSync, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:tls'
import type { Name } from '@peculiar/x509'
import { fields, text } from '../../kube/json.ts'
import {
  DAY_MS,
  isSignedBy,
  loadX509,
  newCertificate,
  type SignedCertificate,
  type SigningKey,
  signingKey,
} from '../../lab/new-certificate.ts'
import { reservedNames } from '../../lab/reserved-names.ts'
import type { SavedMap } from '../store/saved-map.ts'

export interface CertificatesOptions {
  /** The certificate and key of the CA that signs, PEM. */
  kubeletCaFile: string
  /** The CA of client certificates, PEM. */
  clientCaFile: string
  saved: SavedMap
  /** A name that all nodes have in common. */
  hostName?: string | undefined
  /** Sets a new server's listeners. */
  onServer: (server: Server, node: string) => void
}

const VALID_DAYS = 365
const RENEW_DAYS = 30
/** How often the files are checked for a change. */
const RELOAD_MS = 10_000
const HANDSHAKE_MS = 10_000
const SESSION_S = 3_600
/** Its length in the certificate's subject (RFC 5280, ub-common-name). */
const MAX_COMMON_NAME = 64
const KEY = 'certificate/'

interface Authority {
  caPem: string
  ca: X509Certificate
  caKeyPem: string
  clientCaPem: string
  /** Encrypts TLS sessions. It depends on both CAs: a session ends with the CA that its certificates were checked against. */
  ticketKeys: Buffer
  /** Set with the first certificate. */
  signing?: { key: Promise<SigningKey>; issuer: Name }
}

interface Kubelet {
  address: string
  renewAtMs: number
  server: Promise<Server>
}

/**
 * A TLS server for each node, with a certificate of its own for its name and address. Certificates are made at a node's first connection and
 * kept in the saved map. They are replaced when the CA or the address changes, and within 30 days of their expiry.
 *
 * The servers request a client certificate and accept any: as for a kubelet, authentication decides on it. Sessions can be resumed, also
 * after a restart, but at the same node only.
 *
 * Throws an Error when a file cannot be read.
 */
export function createKubeletCertificates(options: CertificatesOptions) {
  const { kubeletCaFile, clientCaFile, saved, hostName, onServer } = options
  let authority = readAuthority()
  let files = stateOfFiles()
  let checkedMs = Date.now()
  const kubelets = new Map<string, Kubelet>()
  let madeCount = 0

  return {
    /** The TLS server of a node; pass it connections by its event `connection`. Rejects when no certificate can be made. */
    serverOf(name: string, address: string): Promise<Server> {
      reload()
      const known = kubelets.get(name)
      if (known !== undefined && known.address === address && Date.now() < known.renewAtMs) return known.server
      const kubelet: Kubelet = {
        address,
        renewAtMs: Number.POSITIVE_INFINITY,
        server: createKubelet(name, address).then(({ server, renewAtMs }) => {
          kubelet.renewAtMs = renewAtMs
          return server
        }),
      }
      kubelets.set(name, kubelet)
      kubelet.server.catch(() => {
        if (kubelets.get(name) === kubelet) kubelets.delete(name)
      })
      return kubelet.server
    },
    /** Deletes a node's certificate. */
    forget(name: string) {
      kubelets.delete(name)
      saved.delete(KEY + name)
    },
    /** Deletes the certificates of nodes that are gone. */
    keepOnly(exists: (name: string) => boolean) {
      for (const [key] of saved.entries()) {
        if (key.startsWith(KEY) && !exists(key.slice(KEY.length))) saved.delete(key)
      }
    },
    /**
     * Empties OpenSSL's queue of errors. A client certificate with a wrong signature, as that of another cluster's CA of the same name, leaves
     * an error there, and the next read of any connection would fail with it. Node.js empties the queue after it has parsed a certificate.
     */
    clearErrors: () => void new X509Certificate(authority.ca.raw),
    /** The number of certificates made since the start. */
    get madeCount() {
      return madeCount
    },
  }

  function stateOfFiles(): string {
    return [kubeletCaFile, clientCaFile]
      .map(file => statSync(file))
      .map(({ ino, mtimeMs }) => `${ino} ${mtimeMs}`)
      .join()
  }

  function readAuthority(): Authority {
    const caPem = readFileSync(kubeletCaFile, 'utf8')
    const clientCaPem = readFileSync(clientCaFile, 'utf8')
    const ca = new X509Certificate(caPem)
    const caKeyPem = createPrivateKey(caPem).export({ type: 'pkcs8', format: 'pem' }).toString()
    const salt = createHash('sha256').update(ca.raw).update(clientCaPem).digest()
    const ticketKeys = Buffer.from(hkdfSync('sha256', caKeyPem, salt, 'TLS sessions', 48))
    return { caPem: ca.toString(), ca, caKeyPem, clientCaPem, ticketKeys }
  }

  /** Reads changed files. Files that cannot be read now, such as in the middle of a change, are read later. */
  function reload(): void {
    if (Date.now() - checkedMs < RELOAD_MS) return
    checkedMs = Date.now()
    try {
      const state = stateOfFiles()
      if (state === files) return
      authority = readAuthority()
      files = state
      kubelets.clear()
    } catch {}
  }

  async function createKubelet(name: string, address: string): Promise<{ server: Server; renewAtMs: number }> {
    const { caPem, clientCaPem, ticketKeys } = authority
    let signed = usable(saved.get(KEY + name), name, address)
    if (signed === undefined) {
      signed = await sign(name, address)
      madeCount++
      saved.set(KEY + name, signed)
    }
    const server = createServer({
      cert: `${signed.certificate}${caPem}`,
      key: signed.key,
      ca: clientCaPem,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      sessionTimeout: SESSION_S,
      sessionIdContext: createHash('sha256').update(name).digest('hex').slice(0, 32),
      ticketKeys,
    })
    onServer(server, name)
    return { server, renewAtMs: renewalMs(new X509Certificate(signed.certificate)) }
  }

  /** A certificate that ends with its CA is used until then. */
  function renewalMs({ validTo }: X509Certificate): number {
    return validTo === authority.ca.validTo ? Date.parse(validTo) : Date.parse(validTo) - RENEW_DAYS * DAY_MS
  }

  function usable(value: unknown, name: string, address: string): SignedCertificate | undefined {
    const [certificate, key] = [text(fields(value)['certificate']), text(fields(value)['key'])]
    if (certificate === undefined || key === undefined) return undefined
    try {
      const own = new X509Certificate(certificate)
      const isUsable =
        own.subjectAltName === [...dnsNames(name).map(each => `DNS:${each}`), `IP Address:${address}`].join(', ') &&
        isSignedBy(authority.ca, own, key) &&
        Date.now() < renewalMs(own)
      return isUsable ? { certificate, key } : undefined
    } catch {
      return undefined
    }
  }

  async function sign(name: string, address: string): Promise<SignedCertificate> {
    const x509 = await loadX509()
    const { ca, caKeyPem } = authority
    authority.signing ??= { key: signingKey(caKeyPem), issuer: new x509.X509Certificate(ca.raw).subjectName }
    const { signing } = authority
    return await newCertificate({
      subject: [{ CN: [`system:node:${name}`.slice(0, MAX_COMMON_NAME)] }],
      issuer: signing.issuer,
      days: VALID_DAYS,
      endMs: Date.parse(ca.validTo),
      signing: await signing.key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...dnsNames(name).map(value => ({ type: 'dns' as const, value })),
          { type: 'ip', value: address },
        ]),
      ],
    })
  }

  function dnsNames(name: string): string[] {
    return [...(isAllowedName(name) ? [name] : []), ...(hostName === undefined ? [] : [hostName])]
  }
}

/** A node can be named like a Service. The CA's name constraints forbid such a name in a certificate, which would then be invalid. */
function isAllowedName(name: string): boolean {
  const reserved: readonly string[] = reservedNames
  return !reserved.some(each => name === each || name.endsWith(`.${each}`)) && !name.endsWith('-kube-apiserver')
}
