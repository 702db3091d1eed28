import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { labSockets } from '../lab/socket-dir.ts'
import { type ComponentPatch, withFlags } from './control-plane-tracing.ts'

/**
 * The flags by which kube-apiserver reaches the simulated nodes' kubelets: at their own addresses, through the gateway's socket, with its
 * client certificate. kwok-controller writes the kubelets' port into the status of nodes.
 */
export function kubeletPatches({ pki, egressConfigPath }: { pki: string; egressConfigPath: string }): ComponentPatch[] {
  const ofApiServer = withFlags('kube-apiserver', {
    'egress-selector-config-file': egressConfigPath,
    'kubelet-preferred-address-types': 'InternalIP',
    'kubelet-client-certificate': join(pki, 'admin.crt'),
    'kubelet-client-key': join(pki, 'admin.key'),
    'kubelet-certificate-authority': join(pki, 'ca.crt'),
  })
  return [ofApiServer, { name: 'kwok-controller', extraArgs: [{ key: 'node-port', value: '10250', override: true }] }]
}

/**
 * kube-apiserver's EgressSelectorConfiguration: kubelets, webhooks and aggregated APIs by HTTP CONNECT. Over TCP it would need TLS; without,
 * kube-apiserver panics (kubernetes/kubernetes#92690).
 */
function egressConfig(socket: string): string {
  const connection = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: socket } } }
  return stringify({
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [{ name: 'cluster', connection }],
  })
}

/** Writes the EgressSelectorConfiguration of a lab; returns its path. */
export function writeEgressConfig(lab: Lab): string {
  writeFileAtomically(egressConfigFile(lab), egressConfig(labSockets(lab).apiServer))
  return egressConfigFile(lab)
}

/** Whether the cluster's API server reaches the kubelets: not in a cluster that an older version of the lab created. */
export function reachesKubelets(lab: Lab): boolean {
  return existsSync(egressConfigFile(lab))
}

function egressConfigFile(lab: Lab): string {
  return join(lab.configDir, 'apiserver-egress.yaml')
}
