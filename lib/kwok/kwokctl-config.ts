import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Lab, projectDir } from '../lab/lab.ts'
import { versions } from '../programs/versions.ts'
import { freeComponentPorts } from './component-ports.ts'
import type { ControlPlane, KwokctlInput } from './control-plane.ts'
import { type TracingTarget, tracingPatches, withFlags, writeTracingConfig } from './control-plane-tracing.ts'
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
  const ofControllers = {
    'tls-cert-file': join(pki, 'admin.crt'),
    'tls-private-key-file': join(pki, 'admin.key'),
    'leader-elect': 'false',
  }
  const requestHeaders = {
    'requestheader-client-ca-file': join(pki, 'ca.crt'),
    'requestheader-allowed-names': 'kwok-admin',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
  }
  const document = {
    ...config,
    componentsPatches: [
      withFlags('kube-apiserver', requestHeaders),
      ...['kube-controller-manager', 'kube-scheduler'].map(name => withFlags(name, ofControllers)),
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
