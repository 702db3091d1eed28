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

/**
 * Plain programs and no checksum file: `hack/releases.sh` of kubernetes-sigs/kwok uploads nothing else. So the sum is the
 * one that GitHub keeps for each file since June 2025.
 */
export function kwokAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const url = `https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v${version}`
  return ['kwok', 'kwokctl'].map(name => ({
    url: `${github('kubernetes-sigs/kwok', version)}/${name}-${platform.os}-${platform.arch}`,
    members: { [name]: '' },
    checksum: { kind: 'github-api', url },
  }))
}

/** Plain programs, each with a `.sha256` that holds the sum alone. For macOS there are only the client's. */
export function kubernetesAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const server = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
  return [...(platform.os === 'linux' ? server : []), 'kubectl'].map(name => {
    const url = `https://dl.k8s.io/v${version}/bin/${platform.os}/${platform.arch}/${name}`
    return { url, members: { [name]: '' }, checksum: { kind: 'file', url: `${url}.sha256` } }
  })
}

/** `SHA256SUMS` covers all platforms; the archive is a zip for macOS (scripts/build-binary.sh of etcd-io/etcd). */
export function etcdAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const base = github('etcd-io/etcd', version)
  const name = `etcd-v${version}-${platform.os}-${platform.arch}`
  return [
    {
      url: `${base}/${name}${platform.os === 'linux' ? '.tar.gz' : '.zip'}`,
      members: { etcd: `${name}/etcd` },
      checksum: { kind: 'file', url: `${base}/SHA256SUMS` },
    },
  ]
}

/** `sha256sums.txt` covers all platforms. */
export function prometheusAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const base = github('prometheus/prometheus', version)
  const name = `prometheus-${version}.${platform.os}-${platform.arch}`
  return [
    {
      url: `${base}/${name}.tar.gz`,
      members: { prometheus: `${name}/prometheus`, promtool: `${name}/promtool` },
      checksum: { kind: 'file', url: `${base}/sha256sums.txt` },
    },
  ]
}

/** The contrib distribution: the core one has no kubelet_stats receiver. Checksums by goreleaser, one file a distribution. */
export function otelcolAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const base = github('open-telemetry/opentelemetry-collector-releases', version)
  return [
    {
      url: `${base}/otelcol-contrib_${version}_${platform.os}_${platform.arch}.tar.gz`,
      members: { otelcol: 'otelcol-contrib' },
      checksum: { kind: 'file', url: `${base}/opentelemetry-collector-releases_otelcol-contrib_checksums.txt` },
    },
  ]
}

/** Plain programs without a checksum file (its release workflow uploads what `make build-all` made), so GitHub's own sums. */
export function metricsServerAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const repository = 'kubernetes-sigs/metrics-server'
  return [
    {
      url: `${github(repository, version)}/metrics-server-${platform.os}-${platform.arch}`,
      members: { 'metrics-server': '' },
      checksum: { kind: 'github-api', url: `https://api.github.com/repos/${repository}/releases/tags/v${version}` },
    },
  ]
}

/**
 * The release under which a version of Jaeger 2 is, and the version of its Go module: that of the version 1 beside it as long as there was
 * one (2.0.0 with 1.63.0, 2.13.0 with 1.76.0), then its own.
 */
export function jaegerTag(version: string): string {
  const [, minor = '', patch = ''] = /^2\.(\d+)\.(\d+)$/.exec(version) ?? []
  return minor !== '' && Number(minor) <= 13 ? `1.${Number(minor) + 63}.${patch}` : version
}

/** One checksum file for all platforms (scripts/package-deploy.sh of jaegertracing/jaeger at v1.62.0). */
export function jaegerAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const base = github('jaegertracing/jaeger', jaegerTag(version))
  const name = `jaeger-${version}-${platform.os}-${platform.arch}`
  return [
    {
      url: `${base}/${name}.tar.gz`,
      members: { jaeger: `${name}/jaeger` },
      checksum: { kind: 'file', url: `${base}/jaeger-${version}.sha256sum.txt` },
    },
  ]
}

/** At get.helm.sh, each archive with a `.sha256sum` that holds sum and file name (.github/workflows/build-test.yml of helm/helm). */
export function helmAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const name = `${platform.os}-${platform.arch}`
  const url = `https://get.helm.sh/helm-v${version}-${name}.tar.gz`
  return [{ url, members: { helm: `${name}/helm` }, checksum: { kind: 'file', url: `${url}.sha256sum` } }]
}

/** Plain programs; `checksums.txt` has lines `<sum>  _dist/k3d-<os>-<arch>`. */
export function k3dAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const base = github('k3d-io/k3d', version)
  return [
    {
      url: `${base}/k3d-${platform.os}-${platform.arch}`,
      members: { k3d: '' },
      checksum: { kind: 'file', url: `${base}/checksums.txt` },
    },
  ]
}

/**
 * A folder: program, web pages, defaults. The address and the form of the checksum file, one line that names `dist/<file>`, are those of
 * releases since 12.4.3 (https://github.com/grafana/grafana/issues/124709).
 */
export function grafanaAssets(version: string, platform: Platform): ReleaseAsset[] {
  if (!isCommon(platform)) return []
  const name = `grafana_${version}_${grafanaBuild}_${platform.os}_${platform.arch}.tar.gz`
  const url = `https://dl.grafana.com/grafana/release/${version}/${name}`
  const folder = `grafana-${version}`
  return [
    { url, folder, members: { grafana: `${folder}/bin/grafana` }, checksum: { kind: 'file', url: `${url}.sha256` } },
  ]
}

function github(repository: string, version: string): string {
  return `https://github.com/${repository}/releases/download/v${version}`
}

function isCommon({ os, arch }: Platform): boolean {
  return platforms.some(platform => platform.os === os && platform.arch === arch)
}
