import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Lab, projectDir } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { type ControlPlaneProgram, controlPlanePrograms, ensurePrograms, programPath } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { containerPatches, imageOptionsOf, insidePki } from './component-containers.ts'
import { freeComponentPorts } from './component-ports.ts'
import { type ComponentPatch, type TracingTarget, tracingPatches, writeTracingConfig } from './control-plane-tracing.ts'

/** What a KwokctlConfiguration is filled in with, besides the version. */
export interface KwokctlInput {
  /** The folder of the cluster's certificates, as the components see it. */
  pki: string
  options: Readonly<Record<string, string | number>>
  tracing: TracingTarget | undefined
  /** What only one runtime needs. */
  patches?: readonly ComponentPatch[]
}

/**
 * A KwokctlConfiguration: the base document with the lab's options, the version, and the flags that the components need beside
 * kwokctl's own.
 *
 * kwokctl gives the API server a client certificate for metrics-server, but does not publish its CA in the cluster. Without that CA
 * metrics-server takes the API server for the caller of each request.
 *
 * kwokctl gives controller manager and scheduler no certificate, so each serves with a self-signed one that no client can verify.
 * They get the cluster's, which is valid for localhost.
 *
 * There is one controller manager and one scheduler. With leader election on, one that cannot renew its lease on a busy machine exits.
 */
export function kwokctlConfig(base: string, { pki, options, tracing, patches = [] }: KwokctlInput): string {
  const config = parse(base) as { options: Record<string, unknown> }
  const controllerArgs = [
    { key: 'tls-cert-file', value: join(pki, 'admin.crt') },
    { key: 'tls-private-key-file', value: join(pki, 'admin.key') },
    { key: 'leader-elect', value: 'false' },
  ]
  const requestHeaders = [
    { key: 'requestheader-client-ca-file', value: join(pki, 'ca.crt') },
    { key: 'requestheader-allowed-names', value: 'kwok-admin' },
    { key: 'requestheader-username-headers', value: 'X-Remote-User' },
    { key: 'requestheader-group-headers', value: 'X-Remote-Group' },
    { key: 'requestheader-extra-headers-prefix', value: 'X-Remote-Extra-' },
  ]
  const document = {
    ...config,
    componentsPatches: [
      { name: 'kube-apiserver', extraArgs: requestHeaders },
      ...['kube-controller-manager', 'kube-scheduler'].map(name => ({ name, extraArgs: controllerArgs })),
      ...(tracing === undefined ? [] : tracingPatches(tracing)),
      ...patches,
    ],
    options: { ...config.options, kubeVersion: `v${versions.kubernetes}`, ...options },
  }
  return stringify(document, { aliasDuplicateObjects: false })
}

/** kwokctl's options that name the programs of the control plane. */
export function programOptions(
  programs: Readonly<Record<ControlPlaneProgram, { path: string }>>,
): Record<string, string> {
  return {
    etcdBinary: programs.etcd.path,
    kubeApiserverBinary: programs['kube-apiserver'].path,
    kubeControllerManagerBinary: programs['kube-controller-manager'].path,
    kubeSchedulerBinary: programs['kube-scheduler'].path,
    kwokControllerBinary: programs.kwok.path,
    kubectlBinary: programs.kubectl.path,
  }
}

/** The KwokctlConfiguration of a lab, its programs or its images named; what it names is written too. */
export async function labKwokctlConfig(lab: Lab): Promise<string> {
  const base = readFileSync(join(projectDir, 'kwok-config', 'kwok.yaml'), 'utf8')
  const tracing = lab.settings.tracing ? writeTracingConfig(lab) : undefined
  const ports = await freeComponentPorts(lab.clusterDir)
  if (runtimeOf(lab) === 'binary') {
    const options = { ...programOptions(await ensurePrograms(controlPlanePrograms)), ...ports }
    return kwokctlConfig(base, { pki: join(lab.clusterDir, 'pki'), options, tracing })
  }
  // These two are published: the lab asks kwok-controller for its metrics.
  const { kubeApiserverPort, kwokControllerPort } = ports
  return kwokctlConfig(base, {
    pki: insidePki,
    options: {
      ...{ ...imageOptionsOf(lab), kubectlBinary: await programPath('kubectl') },
      ...{ kubeApiserverPort, kwokControllerPort },
    },
    tracing,
    patches: containerPatches(lab, tracing),
  })
}
