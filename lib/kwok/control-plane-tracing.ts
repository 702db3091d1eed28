import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { addressesOf } from '../lab/addresses.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'

/** Where the control plane sends its spans, and of how many requests. */
export interface TracingTarget {
  /** `host:port` of an OTLP/gRPC receiver without TLS. It need not be there yet. */
  endpoint: string
  perMillion: number
  /** kube-apiserver's TracingConfiguration, as kube-apiserver sees it. */
  apiserverConfigPath: string
}

/** That, and the file of kube-apiserver's TracingConfiguration on this machine. */
export interface TracingFile extends TracingTarget {
  configFile: string
}

/** A component's further flags, as a KwokctlConfiguration has them. */
export interface ComponentPatch {
  name: string
  extraArgs: { key: string; value: string; override?: boolean }[]
  extraVolumes?: { name: string; hostPath: string; mountPath: string; readOnly: boolean; pathType: string }[]
}

/** A component with these flags added. */
export function withFlags(name: string, flags: Readonly<Record<string, string>>): ComponentPatch {
  return { name, extraArgs: Object.entries(flags).map(([key, value]) => ({ key, value })) }
}

/**
 * The flags by which kube-apiserver, etcd and kwok-controller send spans. kwokctl's own `--jaeger-port` starts another Jaeger, traces
 * every request, and gives etcd flags that 3.7 no longer has. etcd follows the sampling decision of a request, which kube-apiserver
 * passes on.
 */
export function tracingPatches({ endpoint, perMillion, apiserverConfigPath }: TracingTarget): ComponentPatch[] {
  return [
    withFlags('etcd', {
      'enable-distributed-tracing': 'true',
      'distributed-tracing-address': endpoint,
      'distributed-tracing-sampling-rate': String(perMillion),
    }),
    withFlags('kube-apiserver', { 'tracing-config-file': apiserverConfigPath }),
    withFlags('kwok-controller', {
      'tracing-endpoint': endpoint,
      'tracing-sampling-rate-per-million': String(perMillion),
    }),
  ]
}

/** kube-apiserver's TracingConfiguration: the base with address and rate. */
export function apiserverTracingConfig(base: string, { endpoint, perMillion }: TracingTarget): string {
  return stringify({ ...(parse(base) as Record<string, unknown>), endpoint, samplingRatePerMillion: perMillion })
}

/** Writes kube-apiserver's TracingConfiguration for the lab's collector. `pathOf` gives the path at which kube-apiserver sees a file. */
export function writeTracingConfig(lab: Lab, pathOf: (file: string) => string): TracingFile {
  const configFile = join(lab.configDir, 'apiserver-tracing.yaml')
  const target = {
    endpoint: addressesOf(lab).collectorGrpc,
    perMillion: Math.round(lab.settings.traceSampling * 10_000),
    apiserverConfigPath: pathOf(configFile),
    configFile,
  }
  const base = readFileSync(join(projectDir, 'kwok-config', 'apiserver-tracing.yaml'), 'utf8')
  writeFileAtomically(configFile, apiserverTracingConfig(base, target))
  return target
}
