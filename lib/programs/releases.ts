import { basename } from 'node:path'
import { grafanaBuild } from './versions.ts'

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
function assetsOf({ base, files, sums, tagOf = same => same }: Release) {
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
const plain = (name: string) => ({ file: `${name}-{os}-{arch}`, members: { [name]: '' } })
const github = (repository: string) => `https://github.com/${repository}/releases/download/v{tag}`
const githubApi = (repository: string) => `https://api.github.com/repos/${repository}/releases/tags/v{tag}`

/** No checksum file: `hack/releases.sh` of kubernetes-sigs/kwok uploads only programs. GitHub has a checksum of each since June 2025. */
export const kwokAssets = assetsOf({
  base: github('kubernetes-sigs/kwok'),
  files: [plain('kwok'), plain('kwokctl')],
  sums: githubApi('kubernetes-sigs/kwok'),
})

/** Plain programs, each with a `.sha256` that has only the sum. For macOS only the client's. */
export const kubernetesAssets = assetsOf({
  base: 'https://dl.k8s.io/v{version}/bin/{os}/{arch}',
  files: [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(file => ({
      file,
      members: { [file]: '' },
      onlyOn: 'linux',
    })),
    { file: 'kubectl', members: { kubectl: '' } },
  ],
  sums: '{file}.sha256',
})

/** `SHA256SUMS` covers all platforms; the archive is a zip for macOS (scripts/build-binary.sh of etcd-io/etcd). */
export const etcdAssets = assetsOf({
  base: github('etcd-io/etcd'),
  files: [{ file: 'etcd-v{version}-{os}-{arch}.{archive}', members: { etcd: 'etcd-v{version}-{os}-{arch}/etcd' } }],
  sums: 'SHA256SUMS',
})

const PROMETHEUS = 'prometheus-{version}.{os}-{arch}'

/** `sha256sums.txt` covers all platforms. */
export const prometheusAssets = assetsOf({
  base: github('prometheus/prometheus'),
  files: [
    {
      file: `${PROMETHEUS}.tar.gz`,
      members: { prometheus: `${PROMETHEUS}/prometheus`, promtool: `${PROMETHEUS}/promtool` },
    },
  ],
  sums: 'sha256sums.txt',
})

/** As Prometheus, with `sha256sums.txt`. */
export const alertmanagerAssets = assetsOf({
  base: github('prometheus/alertmanager'),
  files: [
    {
      file: 'alertmanager-{version}.{os}-{arch}.tar.gz',
      members: { alertmanager: 'alertmanager-{version}.{os}-{arch}/alertmanager' },
    },
  ],
  sums: 'sha256sums.txt',
})

/** The contrib distribution: the core one has no kubelet_stats receiver. Checksums by goreleaser, one file a distribution. */
export const otelcolAssets = assetsOf({
  base: github('open-telemetry/opentelemetry-collector-releases'),
  files: [{ file: 'otelcol-contrib_{version}_{os}_{arch}.tar.gz', members: { otelcol: 'otelcol-contrib' } }],
  sums: 'opentelemetry-collector-releases_otelcol-contrib_checksums.txt',
})

/** No checksum file: the release workflow uploads the output of `make build-all`. */
export const metricsServerAssets = assetsOf({
  base: github('kubernetes-sigs/metrics-server'),
  files: [plain('metrics-server')],
  sums: githubApi('kubernetes-sigs/metrics-server'),
})

/**
 * The release of a version of Jaeger 2, and the version of its Go module: that of the version 1 beside it while there was one (2.0.0
 * with 1.63.0, 2.13.0 with 1.76.0), then its own.
 */
export function jaegerTag(version: string): string {
  const [, minor = '', patch = ''] = /^2\.(\d+)\.(\d+)$/.exec(version) ?? []
  return minor !== '' && Number(minor) <= 13 ? `1.${Number(minor) + 63}.${patch}` : version
}

/** One checksum file for all platforms (scripts/package-deploy.sh of jaegertracing/jaeger at v1.62.0). */
export const jaegerAssets = assetsOf({
  base: github('jaegertracing/jaeger'),
  files: [{ file: 'jaeger-{version}-{os}-{arch}.tar.gz', members: { jaeger: 'jaeger-{version}-{os}-{arch}/jaeger' } }],
  sums: 'jaeger-{version}.sha256sum.txt',
  tagOf: jaegerTag,
})

/** At get.helm.sh, each archive with a `.sha256sum` that has sum and file name (.github/workflows/build-test.yml of helm/helm). */
export const helmAssets = assetsOf({
  base: 'https://get.helm.sh',
  files: [{ file: 'helm-v{version}-{os}-{arch}.tar.gz', members: { helm: '{os}-{arch}/helm' } }],
  sums: '{file}.sha256sum',
})

/** Plain programs; `checksums.txt` has lines `<sum>  _dist/k3d-<os>-<arch>`. */
export const k3dAssets = assetsOf({ base: github('k3d-io/k3d'), files: [plain('k3d')], sums: 'checksums.txt' })

/**
 * A folder: program, web pages, defaults. The address and the form of the checksum file, one line that names `dist/<file>`, are those of
 * releases since 12.4.3 (https://github.com/grafana/grafana/issues/124709).
 */
export const grafanaAssets = assetsOf({
  base: 'https://dl.grafana.com/grafana/release/{version}',
  files: [
    {
      file: `grafana_{version}_${grafanaBuild}_{os}_{arch}.tar.gz`,
      folder: 'grafana-{version}',
      members: { grafana: 'grafana-{version}/bin/grafana' },
    },
  ],
  sums: '{file}.sha256',
})
