import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TarEntry, writeTar } from './tar.ts'

/** An image: layers, each the paths of its files with what they hold, and what it runs. */
export interface Image {
  /** Its full name, with registry and tag: `registry.k8s.io/etcd:3.6.16-0`. */
  reference: string
  layers: readonly (readonly TarEntry[])[]
  entrypoint: readonly string[]
  env?: Readonly<Record<string, string>>
  workingDir?: string
}

/**
 * Writes images into one archive, of the form that `docker save` gives: `docker load --input` takes it, and so does
 * `ctr --namespace k8s.io images import`. A layer that several images share (the same array) is in it once.
 */
export async function writeImageArchive(to: string, images: readonly Image[]): Promise<void> {
  const work = mkdtempSync(join(dirname(to), 'layers-'))
  try {
    const entries: TarEntry[] = []
    const digests = new Map<readonly TarEntry[], string>()
    for (const layer of new Set(images.flatMap(({ layers }) => layers))) {
      const file = join(work, `${digests.size}.tar`)
      const digest = await writeTar(file, withFolders(layer))
      digests.set(layer, digest)
      if (![...digests.values()].slice(0, -1).includes(digest))
        entries.push({ path: `${digest}.tar`, file, mode: 0o644 })
    }
    const manifest = images.map(image => {
      const layers = image.layers.map(layer => digests.get(layer) ?? '')
      const config = configText(image, layers)
      const path = `${createHash('sha256').update(config).digest('hex')}.json`
      if (!entries.some(entry => entry.path === path)) entries.push({ path, text: config })
      return { Config: path, RepoTags: [image.reference], Layers: layers.map(digest => `${digest}.tar`) }
    })
    await writeTar(to, [...entries, { path: 'manifest.json', text: JSON.stringify(manifest) }])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The image's configuration, https://github.com/opencontainers/image-spec/blob/main/config.md */
export function configText({ entrypoint, env = {}, workingDir }: Image, digests: readonly string[]): string {
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  return JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: entrypoint,
      Env: Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`),
      ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    },
    rootfs: { type: 'layers', diff_ids: digests.map(digest => `sha256:${digest}`) },
    history: digests.map(() => ({ created: '1970-01-01T00:00:00Z' })),
  })
}

/** The entries with every folder that they are in, each before what is in it. */
export function withFolders(layer: readonly TarEntry[]): TarEntry[] {
  const given = new Set(layer.filter(entry => 'folder' in entry).map(({ path }) => path))
  const parents = new Set<string>()
  for (const { path } of layer) {
    const parts = path.split('/').slice(0, -1)
    for (const index of parts.keys()) parents.add(parts.slice(0, index + 1).join('/'))
  }
  const added = [...parents].filter(path => !given.has(path)).map(path => ({ path, folder: true as const }))
  const folders = [...added, ...layer.filter(entry => 'folder' in entry)]
  const depth = (entry: TarEntry) => entry.path.split('/').length
  return [...folders.sort((a, b) => depth(a) - depth(b)), ...layer.filter(entry => !('folder' in entry))]
}
