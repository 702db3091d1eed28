import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { addressesOf } from '../lab/addresses.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'

/** Where the control plane sends its spans, and of how many requests. */
export interface TracingTarget {
  /** `host:port` of an OTLP/gRPC receiver without TLS. It need not be there yet. */
  endpoint: string
  perMillion: number
  /** kube-apiserver's TracingConfiguration, as kube-apiserver sees it. */
  apiserverConfigPath: string
}

/** A component's further flags, as a KwokctlConfiguration has them. */
export interface ComponentPatch {
  name: string
  extraArgs: { key: string; value: string; override?: boolean }[]
  extraVolumes?: { name: string; hostPath: string; mountPath: string; readOnly: boolean; pathType: string }[]
}

/**
 * The flags by which kube-apiserver, etcd and kwok-controller send spans. Not kwokctl's own `--jaeger-port`: that starts a
 * Jaeger of its own, traces every request, and gives etcd flags that 3.7 no longer has. etcd goes by the request's own
 * decision where there is one, and kube-apiserver passes its one on.
 */
export function tracingPatches({ endpoint, perMillion, apiserverConfigPath }: TracingTarget): ComponentPatch[] {
  const patch = (name: string, args: Record<string, string>): ComponentPatch => ({
    name,
    extraArgs: Object.entries(args).map(([key, value]) => ({ key, value })),
  })
  return [
    patch('etcd', {
      'enable-distributed-tracing': 'true',
      'distributed-tracing-address': endpoint,
      'distributed-tracing-sampling-rate': String(perMillion),
    }),
    patch('kube-apiserver', { 'tracing-config-file': apiserverConfigPath }),
    patch('kwok-controller', {
      'tracing-endpoint': endpoint,
      'tracing-sampling-rate-per-million': String(perMillion),
    }),
  ]
}

/** kube-apiserver's TracingConfiguration: the base with address and rate. */
export function apiserverTracingConfig(base: string, { endpoint, perMillion }: TracingTarget): string {
  return stringify({ ...(parse(base) as Record<string, unknown>), endpoint, samplingRatePerMillion: perMillion })
}

/** Writes kube-apiserver's TracingConfiguration for the lab's collector, and says where the spans go. */
export function writeTracingConfig(lab: Lab): TracingTarget & { configFile: string } {
  const configFile = join(lab.configDir, 'apiserver-tracing.yaml')
  const target = {
    endpoint: addressesOf(lab).collectorGrpc,
    perMillion: Math.round(lab.settings.traceSampling * 10_000),
    apiserverConfigPath: runtimeOf(lab) === 'docker' ? '/etc/kubernetes/apiserver-tracing.yaml' : configFile,
    configFile,
  }
  const base = readFileSync(join(projectDir, 'kwok-config', 'apiserver-tracing.yaml'), 'utf8')
  writeFileAtomically(configFile, apiserverTracingConfig(base, target))
  return target
}
