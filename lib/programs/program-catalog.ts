import type { Settings } from '../cli/settings.ts'
import { assetsOf, github, githubApi, type Platform, plain, type ReleaseAsset } from './releases.ts'
import { grafanaBuild, versions } from './versions.ts'

/** One program: its names on PATH, and how it prints its version. */
export interface Program {
  name: string
  /** Names to look for on PATH, best first; default: the program's own. */
  pathNames?: readonly string[]
  /** The arguments that make it print its version and end; default: `--version`. */
  versionArgs?: readonly string[]
  /** Group 1 is the version in its output, without a leading `v`. */
  versionPattern: RegExp
  /** Its path in its folder, for a program that reads the files beside it; default: it is a single file. */
  inFolder?: string
}

/** Programs that come together: from one release, or from one Go module. */
export interface Source {
  /** The name in messages, and the folder of the Go module under kwok-config/go. */
  name: string
  /** Without a leading `v`. */
  version: string
  programs: readonly Program[]
  /** The files of the official release for a platform; empty if it has none. */
  assets: (version: string, platform: Platform) => readonly ReleaseAsset[]
  /** How to build the module in kwok-config/go/<name>; undefined without one. */
  go?: {
    /** The module that `tasks/update-version.ts` updates, and its version if that differs from the program's. */
    module?: string
    moduleVersion?: (version: string) => string
    /** `-X` definitions for the linker, which set the program's version. */
    define?: (version: string) => readonly string[]
    /** Build tags, to leave out what the lab does not use. */
    tags?: readonly string[]
    /**
     * `collector`: the OpenTelemetry Collector's builder writes the source first, and a program from another source must have the
     * components in builder.yaml (the core distribution has the same name and versions, but no kubelet_stats receiver).
     * Default: the `tool` lines.
     */
    kind?: 'collector'
    /**
     * The modules whose versions this source shares with the others that have this field (tasks/update-version.ts raises them), so that Go
     * compiles their packages once for all. Without it each build has the versions that its module requires.
     */
    shared?: RegExp
    /** CPU minutes of a build beside the others, from an empty Go build cache, for the estimate of `make doctor`; measured on a slow machine. */
    cpuMinutes?: number
  }
}

const PROMETHEUS = 'prometheus-{version}.{os}-{arch}'

const kubernetesVersion = /^Kubernetes v(\S+)/m

/** The definition that sets a variable to the version. */
const stamp = (variable: string) => (version: string) => [`${variable}=v${version}`]

/**
 * The release of a version of Jaeger 2, and the version of its Go module: that of the version 1 beside it while there was one (2.0.0
 * with 1.63.0, 2.13.0 with 1.76.0), then its own.
 */
function jaegerTag(version: string): string {
  const [, minor = '', patch = ''] = /^2\.(\d+)\.(\d+)$/.exec(version) ?? []
  return minor !== '' && Number(minor) <= 13 ? `1.${Number(minor) + 63}.${patch}` : version
}

const entries = [
  {
    name: 'kwok',
    version: versions.kwok,
    programs: [
      { name: 'kwok', versionPattern: /^kwok version v(\S+)/m },
      { name: 'kwokctl', versionPattern: /^kwokctl version v(\S+)/m },
    ],
    // No checksum file: `hack/releases.sh` of kubernetes-sigs/kwok uploads only programs. GitHub has a checksum of each
    // since June 2025.
    assets: assetsOf({
      base: github('kubernetes-sigs/kwok'),
      files: [plain('kwok'), plain('kwokctl')],
      sums: githubApi('kubernetes-sigs/kwok'),
    }),
    go: {
      module: 'sigs.k8s.io/kwok',
      shared: /./,
      define: stamp('sigs.k8s.io/kwok/pkg/consts.Version'),
      cpuMinutes: 6,
    },
  },
  {
    name: 'kubernetes',
    version: versions.kubernetes,
    programs: [
      { name: 'kube-apiserver', versionPattern: kubernetesVersion },
      { name: 'kube-controller-manager', versionPattern: kubernetesVersion },
      { name: 'kube-scheduler', versionPattern: kubernetesVersion },
      { name: 'kubectl', versionArgs: ['version', '--client'], versionPattern: /^Client Version: v(\S+)/m },
    ],
    // Plain programs, each with a `.sha256` that has only the sum. For macOS only the client's.
    assets: assetsOf({
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
    }),
    go: {
      module: 'k8s.io/kubernetes',
      shared: /./,
      cpuMinutes: 13,
      define: version => {
        const [major, minor] = version.split('.')
        const variables = 'k8s.io/component-base/version.git'
        return [`${variables}Version=v${version}`, `${variables}Major=${major}`, `${variables}Minor=${minor}`]
      },
    },
  },
  {
    name: 'etcd',
    version: versions.etcd,
    programs: [{ name: 'etcd', versionPattern: /^etcd Version: (\S+)/m }],
    // `SHA256SUMS` covers all platforms; the archive is a zip for macOS (scripts/build-binary.sh of etcd-io/etcd).
    assets: assetsOf({
      base: github('etcd-io/etcd'),
      files: [{ file: 'etcd-v{version}-{os}-{arch}.{archive}', members: { etcd: 'etcd-v{version}-{os}-{arch}/etcd' } }],
      sums: 'SHA256SUMS',
    }),
    // The modules of etcd have one version.
    go: { module: 'go.etcd.io/etcd/server/v3', shared: /^(?!go\.etcd\.io\/)/, cpuMinutes: 1 },
  },
  {
    name: 'prometheus',
    version: versions.prometheus,
    programs: [
      { name: 'prometheus', versionPattern: /^prometheus, version (\S+)/m },
      { name: 'promtool', versionPattern: /^promtool, version (\S+)/m },
    ],
    // `sha256sums.txt` covers all platforms.
    assets: assetsOf({
      base: github('prometheus/prometheus'),
      files: [
        {
          file: `${PROMETHEUS}.tar.gz`,
          members: { prometheus: `${PROMETHEUS}/prometheus`, promtool: `${PROMETHEUS}/promtool` },
        },
      ],
      sums: 'sha256sums.txt',
    }),
    go: {
      module: 'github.com/prometheus/prometheus',
      shared: /./,
      cpuMinutes: 4,
      // 3.16.0 is v0.316.0: the major version goes to the hundreds of the minor one.
      moduleVersion: version =>
        version.replace(/^(\d+)\.(\d+)/, (_, major, minor) => `0.${Number(major) * 100 + Number(minor)}`),
      define: version => [`github.com/prometheus/common/version.Version=${version}`],
      // Of the service discoveries only those of the lab's configuration: the clouds' take most of the build time. Since 3.13; `file`
      // and `http` are always compiled in (plugins/minimum.go).
      tags: ['remove_all_sd', 'enable_kubernetes_sd'],
    },
  },
  {
    name: 'alertmanager',
    version: versions.alertmanager,
    programs: [{ name: 'alertmanager', versionPattern: /^alertmanager, version (\S+)/m }],
    // As Prometheus, with `sha256sums.txt`.
    assets: assetsOf({
      base: github('prometheus/alertmanager'),
      files: [
        {
          file: 'alertmanager-{version}.{os}-{arch}.tar.gz',
          members: { alertmanager: 'alertmanager-{version}.{os}-{arch}/alertmanager' },
        },
      ],
      sums: 'sha256sums.txt',
    }),
    go: {
      module: 'github.com/prometheus/alertmanager',
      cpuMinutes: 2,
      define: version => [`github.com/prometheus/common/version.Version=${version}`],
    },
  },
  {
    name: 'otelcol',
    version: versions.otelcol,
    programs: [
      {
        name: 'otelcol',
        pathNames: ['otelcol-contrib', 'otelcol'],
        versionPattern: /^otelcol\S* version (\S+)/m,
      },
    ],
    // The contrib distribution: the core one has no kubelet_stats receiver. Checksums by goreleaser, one file a
    // distribution.
    assets: assetsOf({
      base: github('open-telemetry/opentelemetry-collector-releases'),
      files: [{ file: 'otelcol-contrib_{version}_{os}_{arch}.tar.gz', members: { otelcol: 'otelcol-contrib' } }],
      sums: 'opentelemetry-collector-releases_otelcol-contrib_checksums.txt',
    }),
    go: {
      module: 'go.opentelemetry.io/collector/otelcol',
      kind: 'collector',
      // The components of contrib have versions of their own, in builder.yaml.
      shared: /^(?!github\.com\/open-telemetry\/opentelemetry-collector-contrib)/,
      cpuMinutes: 4,
    },
  },
  {
    name: 'jaeger',
    version: versions.jaeger,
    programs: [{ name: 'jaeger', versionArgs: ['version'], versionPattern: /"gitVersion":"v([^"]+)"/ }],
    // One checksum file for all platforms (scripts/package-deploy.sh of jaegertracing/jaeger at v1.62.0).
    assets: assetsOf({
      base: github('jaegertracing/jaeger'),
      files: [
        { file: 'jaeger-{version}-{os}-{arch}.tar.gz', members: { jaeger: 'jaeger-{version}-{os}-{arch}/jaeger' } },
      ],
      sums: 'jaeger-{version}.sha256sum.txt',
      tagOf: jaegerTag,
    }),
    go: {
      module: 'github.com/jaegertracing/jaeger',
      // With newer versions of its other modules it does not compile.
      shared:
        /^(golang\.org\/x|google\.golang\.org\/protobuf|go\.uber\.org|gonum\.org|github\.com\/(google\/go-tpm|klauspost))\b/,
      cpuMinutes: 3,
      moduleVersion: jaegerTag,
      define: stamp('github.com/jaegertracing/jaeger/internal/version.latestVersion'),
    },
  },
  {
    name: 'metrics-server',
    version: versions.metricsServer,
    programs: [{ name: 'metrics-server', versionPattern: /^v(\d+\.\d+\.\d+)$/m }],
    // No checksum file: the release workflow uploads the output of `make build-all`.
    assets: assetsOf({
      base: github('kubernetes-sigs/metrics-server'),
      files: [plain('metrics-server')],
      sums: githubApi('kubernetes-sigs/metrics-server'),
    }),
    // Its Makefile sets the version of client-go, and that is what it prints.
    go: {
      module: 'sigs.k8s.io/metrics-server',
      shared: /./,
      cpuMinutes: 1,
      define: stamp('k8s.io/client-go/pkg/version.gitVersion'),
    },
  },
  {
    name: 'kube-state-metrics',
    version: versions.kubeStateMetrics,
    programs: [
      { name: 'kube-state-metrics', versionArgs: ['version'], versionPattern: /^kube-state-metrics, version v(\S+)/m },
    ],
    // Its releases are images.
    assets: () => [],
    go: {
      module: 'k8s.io/kube-state-metrics/v2',
      cpuMinutes: 6,
      define: stamp('github.com/prometheus/common/version.Version'),
    },
  },
  {
    name: 'helm',
    version: versions.helm,
    programs: [{ name: 'helm', versionArgs: ['version', '--short'], versionPattern: /^v(\d+\.\d+\.\d+)/m }],
    // At get.helm.sh, each archive with a `.sha256sum` that has sum and file name (.github/workflows/build-test.yml of
    // helm/helm).
    assets: assetsOf({
      base: 'https://get.helm.sh',
      files: [{ file: 'helm-v{version}-{os}-{arch}.tar.gz', members: { helm: '{os}-{arch}/helm' } }],
      sums: '{file}.sha256sum',
    }),
    go: {
      module: 'helm.sh/helm/v3',
      define: stamp('helm.sh/helm/v3/internal/version.version'),
      cpuMinutes: 4,
    },
  },
  {
    name: 'k3d',
    version: versions.k3d,
    programs: [{ name: 'k3d', versionArgs: ['version'], versionPattern: /^k3d version v(\S+)/m }],
    // Plain programs; `checksums.txt` has lines `<sum> _dist/k3d-<os>-<arch>`.
    assets: assetsOf({ base: github('k3d-io/k3d'), files: [plain('k3d')], sums: 'checksums.txt' }),
    go: {
      module: 'github.com/k3d-io/k3d/v5',
      cpuMinutes: 6,
      define: stamp('github.com/k3d-io/k3d/v5/version.Version'),
    },
  },
  {
    name: 'grafana',
    version: versions.grafana,
    programs: [{ name: 'grafana', versionPattern: /^grafana version (\S+)/m, inFolder: 'bin/grafana' }],
    // A folder: program, web pages, defaults. The address and the form of the checksum file, one line that names `dist/<file>`, are
    // those of releases since 12.4.3 (https://github.com/grafana/grafana/issues/124709).
    assets: assetsOf({
      base: 'https://dl.grafana.com/grafana/release/{version}',
      files: [
        {
          file: `grafana_{version}_${grafanaBuild}_{os}_{arch}.tar.gz`,
          folder: 'grafana-{version}',
          members: { grafana: 'grafana-{version}/bin/grafana' },
        },
      ],
      sums: '{file}.sha256',
    }),
    // No Go pins: its pages are TypeScript, which go build does not make.
  },
] as const satisfies readonly Source[]

/** All programs of the lab. To add one, add an entry here and its version in lib/programs/versions.ts. */
export const catalog: readonly Source[] = entries

/** The name of a program in the catalogue. */
export type ProgramName = (typeof entries)[number]['programs'][number]['name']

/** The programs of the k3d path. */
export const k3dPrograms: readonly ProgramName[] = ['kubectl', 'helm', 'k3d']

/** The programs of a control plane, and kubectl, which kwokctl runs. */
export const controlPlanePrograms = [
  'kwok',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
] as const satisfies readonly ProgramName[]
export type ControlPlaneProgram = (typeof controlPlanePrograms)[number]

/** The programs that the Docker runtime needs on this machine. promtool checks the rules of the user. */
export function dockerPrograms({ rulesDir }: Pick<Settings, 'rulesDir'>): readonly ProgramName[] {
  return ['kwokctl', 'kubectl', ...(rulesDir === 'none' ? [] : (['promtool'] as const))]
}

/** The programs of the KWOK path. */
export const kwokPrograms: readonly ProgramName[] = [
  'kwokctl',
  ...controlPlanePrograms,
  'prometheus',
  'promtool',
  'otelcol',
  'jaeger',
  'metrics-server',
]
