import { basename } from 'node:path'

/** An operating system and processor in Go's words: `linux`, `darwin`; `amd64`, `arm64`. */
export interface Platform {
  os: string
  arch: string
}

/** One file of an official release. */
export interface ReleaseAsset {
  url: string
  /** The programs it gives, each with its path inside the archive; the path is empty where the file is the program. */
  members: Readonly<Record<string, string>>
  /** The folder inside the archive that is kept whole, for a program that reads the files beside it. */
  folder?: string
  /**
   * Where its SHA-256 is published. `file`: the sum alone or lines of sum and file name, as sha256sum writes them.
   * `github-api`: the `digest` that GitHub itself computed for the file, in the JSON of the release.
   */
  checksum: { kind: 'file' | 'github-api'; url: string }
}

/** The platforms that the lab runs on; every source but Kubernetes publishes for all of them. */
export const platforms: readonly Platform[] = ['linux', 'darwin'].flatMap(os =>
  ['amd64', 'arm64'].map(arch => ({ os, arch })),
)

/** Where the hosts of release files redirect to. A firewall or a proxy has to let both through. */
const redirectHosts: Readonly<Record<string, string>> = {
  'github.com': 'release-assets.githubusercontent.com',
  'dl.k8s.io': 'cdn.dl.k8s.io',
}

/** The hosts from which assets and their published sums are downloaded, those of redirects included. */
export function downloadHosts(assets: readonly ReleaseAsset[]): string[] {
  const hosts = assets.flatMap(asset => [asset.url, asset.checksum.url]).map(url => new URL(url).host)
  return [...new Set(hosts.flatMap(host => [host, redirectHosts[host] ?? host]))]
}

/** This machine. */
export function currentPlatform(): Platform {
  return { os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch }
}

/** The last part of an asset's address: its name in a checksum file. */
export function assetName(asset: ReleaseAsset): string {
  return basename(new URL(asset.url).pathname)
}

/** The files of an official release. In all texts `{version}`, `{tag}`, `{os}`, `{arch}` and `{archive}` are replaced. */
interface Release {
  /** The folder of the files. */
  base: string
  files: readonly (Pick<ReleaseAsset, 'members' | 'folder'> & { file: string; onlyOn?: string })[]
  /** The file with the checksum, beside the others; `{file}` is a file's name. A URL of GitHub's API is that of the release. */
  sums: string
  /** The name of the release, if it is not the version. */
  tagOf?: (version: string) => string
}

/** The assets of a release by version and platform; none for a platform that the lab does not run on. */
export function assetsOf({ base, files, sums, tagOf = same => same }: Release) {
  return (version: string, { os, arch }: Platform): ReleaseAsset[] => {
    const values = { version, tag: tagOf(version), os, arch, archive: os === 'linux' ? 'tar.gz' : 'zip' }
    const fill = (text: string, file = '') =>
      Object.entries({ ...values, file }).reduce((filled, [key, value]) => filled.replaceAll(`{${key}}`, value), text)
    if (!platforms.some(platform => platform.os === os && platform.arch === arch)) return []
    return files
      .filter(({ onlyOn = os }) => onlyOn === os)
      .map(({ file, members, folder }) => ({
        url: fill(`${base}/${file}`),
        members: Object.fromEntries(Object.entries(members).map(([name, path]) => [name, fill(path)])),
        ...(folder === undefined ? {} : { folder: fill(folder) }),
        checksum: sums.startsWith('https:')
          ? { kind: 'github-api', url: fill(sums) }
          : { kind: 'file', url: fill(`${base}/${sums}`, fill(file)) },
      }))
  }
}

/** A file that is the program itself. */
export const plain = (name: string) => ({ file: `${name}-{os}-{arch}`, members: { [name]: '' } })
export const github = (repository: string) => `https://github.com/${repository}/releases/download/v{tag}`
export const githubApi = (repository: string) => `https://api.github.com/repos/${repository}/releases/tags/v{tag}`
