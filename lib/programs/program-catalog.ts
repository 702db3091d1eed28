import {
  alertmanagerAssets,
  etcdAssets,
  grafanaAssets,
  helmAssets,
  jaegerAssets,
  jaegerTag,
  k3dAssets,
  kubernetesAssets,
  kwokAssets,
  metricsServerAssets,
  otelcolAssets,
  type Platform,
  prometheusAssets,
  type ReleaseAsset,
} from './releases.ts'
import { versions } from './versions.ts'

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
    /** CPU minutes of a build from an empty Go build cache, for the estimate of `make doctor`; measured, rounded up. */
    cpuMinutes?: number
  }
}

const kubernetesVersion = /^Kubernetes v(\S+)/m

const entries = [
  {
    name: 'kwok',
    version: versions.kwok,
    programs: [
      { name: 'kwok', versionPattern: /^kwok version v(\S+)/m },
      { name: 'kwokctl', versionPattern: /^kwokctl version v(\S+)/m },
    ],
    assets: kwokAssets,
    go: {
      module: 'sigs.k8s.io/kwok',
      define: version => [`sigs.k8s.io/kwok/pkg/consts.Version=v${version}`],
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
    assets: kubernetesAssets,
    go: {
      module: 'k8s.io/kubernetes',
      cpuMinutes: 15,
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
    assets: etcdAssets,
    go: { module: 'go.etcd.io/etcd/server/v3', cpuMinutes: 3 },
  },
  {
    name: 'prometheus',
    version: versions.prometheus,
    programs: [
      { name: 'prometheus', versionPattern: /^prometheus, version (\S+)/m },
      { name: 'promtool', versionPattern: /^promtool, version (\S+)/m },
    ],
    assets: prometheusAssets,
    go: {
      module: 'github.com/prometheus/prometheus',
      cpuMinutes: 10,
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
    assets: alertmanagerAssets,
    go: {
      module: 'github.com/prometheus/alertmanager',
      cpuMinutes: 4,
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
    assets: otelcolAssets,
    go: { module: 'go.opentelemetry.io/collector/otelcol', kind: 'collector', cpuMinutes: 9 },
  },
  {
    name: 'jaeger',
    version: versions.jaeger,
    programs: [{ name: 'jaeger', versionArgs: ['version'], versionPattern: /"gitVersion":"v([^"]+)"/ }],
    assets: jaegerAssets,
    go: {
      module: 'github.com/jaegertracing/jaeger',
      cpuMinutes: 11,
      moduleVersion: jaegerTag,
      define: version => [`github.com/jaegertracing/jaeger/internal/version.latestVersion=v${version}`],
    },
  },
  {
    name: 'metrics-server',
    version: versions.metricsServer,
    programs: [{ name: 'metrics-server', versionPattern: /^v(\d+\.\d+\.\d+)$/m }],
    assets: metricsServerAssets,
    // Its Makefile sets the version of client-go, and that is what it prints.
    go: {
      module: 'sigs.k8s.io/metrics-server',
      cpuMinutes: 7,
      define: version => [`k8s.io/client-go/pkg/version.gitVersion=v${version}`],
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
      define: version => [`github.com/prometheus/common/version.Version=v${version}`],
    },
  },
  {
    name: 'helm',
    version: versions.helm,
    programs: [{ name: 'helm', versionArgs: ['version', '--short'], versionPattern: /^v(\d+\.\d+\.\d+)/m }],
    assets: helmAssets,
    go: {
      module: 'helm.sh/helm/v3',
      define: version => [`helm.sh/helm/v3/internal/version.version=v${version}`],
      cpuMinutes: 9,
    },
  },
  {
    name: 'k3d',
    version: versions.k3d,
    programs: [{ name: 'k3d', versionArgs: ['version'], versionPattern: /^k3d version v(\S+)/m }],
    assets: k3dAssets,
    go: {
      module: 'github.com/k3d-io/k3d/v5',
      cpuMinutes: 6,
      define: version => [`github.com/k3d-io/k3d/v5/version.Version=v${version}`],
    },
  },
  {
    name: 'grafana',
    version: versions.grafana,
    programs: [{ name: 'grafana', versionPattern: /^grafana version (\S+)/m, inFolder: 'bin/grafana' }],
    assets: grafanaAssets,
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
