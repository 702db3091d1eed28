import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { configText, type Image, withFolders } from './archive.ts'
import { writeTar } from './tar.ts'

/** A registry that serves one image under every name. */
export interface Registry {
  /** `127.0.0.1:port`, which engines ask without TLS. */
  host: string
  /** The image's digest: `sha256:...`. */
  digest: string
  /** `name:tag` or `name@digest` of each requested manifest. */
  asked: () => string[]
  close: () => Promise<void>
}

/**
 * Serves an image on 127.0.0.1, as much as a pull needs: https://distribution.github.io/distribution/spec/api/. Its files are
 * kept in a folder of the caller's.
 */
export async function startRegistry(dir: string, image: Image): Promise<Registry> {
  const digests: string[] = []
  for (const layer of image.layers) {
    const file = join(dir, `layer-${digests.length}`)
    digests.push(await writeTar(file, withFolders(layer)))
  }
  const config = configText(image, digests)
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...described(config) },
    layers: digests.map((digest, index) => ({
      // Engines look for themselves whether a layer is compressed.
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      ...{ size: statSync(join(dir, `layer-${index}`)).size, digest: `sha256:${digest}` },
    })),
  })
  const { digest } = described(manifest)
  const asked = new Set<string>()
  const server = createServer((request, response) => {
    const [, name, kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? '') ?? []
    const layer = digests.indexOf(reference.slice('sha256:'.length))
    if (request.url === '/v2/') return response.end()
    if (kind === 'manifests' && (reference === digest || !reference.startsWith('sha256:'))) {
      asked.add(reference === digest ? `${name}@${digest}` : `${name}:${reference}`)
      const headers = { 'content-type': MANIFEST, 'docker-content-digest': digest }
      response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(manifest) })
      return response.end(request.method === 'HEAD' ? undefined : manifest)
    }
    if (kind === 'blobs' && reference === described(config).digest) return response.end(config)
    if (kind === 'blobs' && layer !== -1) return createReadStream(join(dir, `layer-${layer}`)).pipe(response)
    return response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    digest,
    asked: () => [...asked],
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

function described(text: string): { size: number; digest: string } {
  return { size: Buffer.byteLength(text), digest: `sha256:${createHash('sha256').update(text).digest('hex')}` }
}
