import { fields } from '../../kube/json.ts'
import type { NodeFacts } from '../objects/facts.ts'

/** A node's `/configz`: the defaults of a kubelet v1.37 (pkg/kubelet/apis/config/v1beta1) that tools are likely to read. */
export function kubeletConfigText({ object }: NodeFacts): string {
  const maxPods = Number(fields(fields(object.status).capacity).pods ?? 110)
  return JSON.stringify({
    kubeletconfig: {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      syncFrequency: '1m0s',
      address: '0.0.0.0',
      port: 10250,
      authentication: {
        x509: {},
        webhook: { enabled: true, cacheTTL: '2m0s' },
        anonymous: { enabled: false },
      },
      authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
      enableDebuggingHandlers: true,
      healthzPort: 10248,
      clusterDomain: 'cluster.local',
      streamingConnectionIdleTimeout: '4h0m0s',
      nodeStatusUpdateFrequency: '10s',
      nodeStatusReportFrequency: '5m0s',
      nodeLeaseDurationSeconds: 40,
      imageGCHighThresholdPercent: 85,
      imageGCLowThresholdPercent: 80,
      cgroupDriver: 'systemd',
      cpuManagerPolicy: 'none',
      maxPods: Number.isFinite(maxPods) ? maxPods : 110,
      podPidsLimit: -1,
      cpuCFSQuota: true,
      kubeAPIQPS: 50,
      kubeAPIBurst: 100,
      serializeImagePulls: true,
      evictionHard: {
        'imagefs.available': '15%',
        'memory.available': '100Mi',
        'nodefs.available': '10%',
        'nodefs.inodesFree': '5%',
      },
      evictionPressureTransitionPeriod: '5m0s',
      failSwapOn: true,
      containerLogMaxSize: '10Mi',
      containerLogMaxFiles: 5,
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    },
  })
}
