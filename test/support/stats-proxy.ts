/** Reads the kubelets that the stats proxy of a lab serves. */
import { fields, items, text } from '../../lib/kube/json.ts'
import type { Summary } from '../../lib/kubelet/endpoints/stats-summary.ts'
import type { TestLab } from './lab.ts'
import { nodeNames } from './shared-lab.ts'

export const kubeletUrl = (lab: TestLab, path: string) => `http://127.0.0.1:${lab.ports.statsProxyPort}${path}`

/** The summary of each node of the shared lab. */
export async function summaries(lab: TestLab): Promise<Summary[]> {
  return await Promise.all(
    nodeNames.map(
      async node => (await (await fetch(kubeletUrl(lab, `/nodes/${node}/stats/summary`))).json()) as Summary,
    ),
  )
}

/** UID and node of each running pod, as the API has it. */
export async function runningPods(lab: TestLab): Promise<string[]> {
  return items(fields(await lab.get('/api/v1/pods?fieldSelector=status.phase%3DRunning')).items).map(
    pod => `${text(fields(fields(pod).metadata).uid)} ${text(fields(fields(pod).spec).nodeName)}`,
  )
}
