import { createServer } from 'node:net'
import { controlPlaneOf } from '../kwok/kwok-cluster.ts'
import type { Lab } from '../lab/lab.ts'
import { scenarioAnnotation } from '../lab/manifest.ts'
import { apply, call, type Scenario, type ScenarioRun } from './scenario.ts'

/** How often the holder sends requests, and so many at once: most of all requests of a small lab. */
const EVERY_MS = 1_000
const REQUESTS = 25
const CONFIG_MAPS = '/api/v1/namespaces/kube-otel-lab/configmaps'
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const NO_OTHERS = 'No other request does.'
const OF_HOLDER = `${REQUESTS} requests at once, again and again, to create a ConfigMap as a dry run`

/** Scenarios of the API server: requests of the holder itself, and an admission webhook that only those wait for. */
export const apiScenarios: readonly Scenario[] = [
  {
    name: 'api-errors',
    does: `An admission webhook that does not answer, and ${REQUESTS} requests a second that fail by it. ${NO_OTHERS}`,
    effect: '1 s',
    shows: 'Requests with code 500, and an error budget that is spent.',
    alerts: { otel: ['KubeAPIErrorBudgetSpent'], prometheus: ['KubeAPIErrorBudgetBurn'] },
    ...apiScenario(),
  },
  {
    name: 'api-latency',
    does: `${OF_HOLDER}, which wait 2 s for an admission webhook. ${NO_OTHERS} In the binary runtime only.`,
    effect: '3 s',
    shows: 'The duration of POST requests. Error budgets leave out the time in webhooks.',
    alerts: { otel: [], prometheus: [] },
    ...apiScenario(2),
  },
  {
    name: 'api-timeouts',
    does: `${OF_HOLDER}, which wait for an admission webhook, and which the API server ends after 1 s. ${NO_OTHERS} In the binary runtime only.`,
    effect: '2 s',
    shows: 'Requests with code 504, and an error budget that is spent.',
    alerts: {
      otel: ['KubeAPIErrorBudgetSpent'],
      prometheus: ['KubeAPITerminatedRequests', 'KubeAPIErrorBudgetBurn'],
    },
    ...apiScenario(10, 'timeout=1s'),
  },
]

/** `webhookSeconds` is how long the webhook takes; undefined for one that refuses connections. */
function apiScenario(
  webhookSeconds?: number,
  query = '',
): Pick<Scenario, 'target' | 'only' | 'heals' | 'unfitLab' | 'hold' | 'undo'> {
  return {
    target: 'part',
    only: 'kube-apiserver',
    heals: 'What the scenario has created is deleted, and the requests end.',
    unfitLab: async (lab: Lab) =>
      webhookSeconds === undefined || controlPlaneOf(lab).runsHere
        ? undefined
        : 'a webhook of this machine cannot be reached from a container',
    async hold(run) {
      // Nothing listens on port 1.
      const url = `https://127.0.0.1:${webhookSeconds === undefined ? 1 : await silentPort()}/`
      await apply(run.client, webhookPath(run), webhook(run, url, webhookSeconds))
      const body = { metadata: { generateName: 'scenario-' } }
      const requests = Array.from({ length: REQUESTS }, () =>
        run.client.request('POST', `${CONFIG_MAPS}?dryRun=All&${query}`, { body }),
      )
      // They are meant to fail, by a closed connection too.
      await Promise.allSettled(requests)
      return EVERY_MS
    },
    async undo(run) {
      await call(run.client, 'DELETE', webhookPath(run))
    },
  }
}

function webhookPath({ name }: ScenarioRun): string {
  return `${WEBHOOKS}/scenario-${name}`
}

function webhook({ name }: ScenarioRun, url: string, seconds: number | undefined): unknown {
  const hook = {
    name: 'scenario.kube-otel-lab.example',
    clientConfig: { url },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-otel-lab' } },
    ...(seconds === undefined ? { failurePolicy: 'Fail' } : { failurePolicy: 'Ignore', timeoutSeconds: seconds }),
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: `scenario-${name}`, annotations: { [scenarioAnnotation]: name } },
    webhooks: [hook],
  }
}

let listening: Promise<number> | undefined

/** A port of this process that accepts connections and never answers. */
async function silentPort(): Promise<number> {
  listening ??= new Promise((resolve, reject) => {
    const server = createServer(socket => socket.on('error', () => {}).resume())
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      server.unref()
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 1)
    })
  })
  return await listening
}
