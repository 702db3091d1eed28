import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Lab, projectDir } from '../lab/lab.ts'
import { versions } from '../programs/versions.ts'
import { freeComponentPorts } from './component-ports.ts'
import type { ControlPlane, KwokctlInput } from './control-plane.ts'
import { type TracingTarget, tracingPatches, writeTracingConfig } from './control-plane-tracing.ts'
import { kubeletPatches, writeEgressConfig } from './kubelet-access.ts'

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
export function kwokctlConfig(
  base: string,
  {
    pki,
    options,
    tracing,
    egressConfigPath,
    patches = [],
  }: KwokctlInput & { tracing: TracingTarget | undefined; egressConfigPath: string },
): string {
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
      ...kubeletPatches({ pki, egressConfigPath }),
      ...(tracing === undefined ? [] : tracingPatches(tracing)),
      ...patches,
    ],
    options: { ...config.options, kubeVersion: `v${versions.kubernetes}`, ...options },
  }
  return stringify(document, { aliasDuplicateObjects: false })
}

/** The KwokctlConfiguration of a lab. Writes the files that it names. */
export async function labKwokctlConfig(lab: Lab, controlPlane: ControlPlane): Promise<string> {
  const base = readFileSync(join(projectDir, 'kwok-config', 'kwok.yaml'), 'utf8')
  const tracing = lab.settings.tracing ? writeTracingConfig(lab, controlPlane.configPath) : undefined
  const egressFile = writeEgressConfig(lab)
  const ports = await freeComponentPorts(lab.clusterDir)
  const configFiles = [egressFile, ...(tracing === undefined ? [] : [tracing.configFile])]
  const input = await controlPlane.kwokctlInput(lab, { ports, configFiles })
  return kwokctlConfig(base, { ...input, tracing, egressConfigPath: controlPlane.configPath(egressFile) })
}
