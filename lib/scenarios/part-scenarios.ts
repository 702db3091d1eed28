import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { controlPlaneOf } from '../kwok/kwok-cluster.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { collector } from '../services/collector.ts'
import { jaeger } from '../services/jaeger.ts'
import { lgtm } from '../services/lgtm.ts'
import { metricsServer } from '../services/metrics-server.ts'
import { prometheus } from '../services/prometheus.ts'
import { hasService, labServices, type Service } from '../services/service.ts'
import { statsProxy } from '../services/stats-proxy.ts'
import { traceSimulator } from '../services/trace-simulator.ts'
import { signalProcess } from '../system/processes.ts'
import { run as runCommand } from '../system/run.ts'
import { objectScenario } from './object-scenario.ts'
import { type Scenario, TargetGoneError } from './scenario.ts'

const HOLD_MS = 2_000
/** Requests a second that fail: most of all requests of a small lab. */
const FAILING_REQUESTS = 25
const CONFIG_MAPS = '/api/v1/namespaces/kube-otel-lab/configmaps'
const heals = 'The step of `make kwok` that starts the part runs. If you start it yourself before, the scenario ends.'

/** A part of the lab: how it is stopped, and the task that starts it. */
interface Part {
  /** Why it cannot be stopped, if it runs. */
  fixed?: (lab: Lab) => string | undefined
  isRunning: (lab: Lab) => Promise<boolean>
  stop: (lab: Lab) => Promise<unknown>
  task: string
}

/** Scenarios of a stopped part of the lab, and of the API server. */
export const partScenarios: readonly Scenario[] = [
  {
    name: 'collector-down',
    only: 'collector',
    does: 'The OpenTelemetry Collector is stopped. `make verify` fails meanwhile.',
    effect: '5 s',
    shows: 'All series by OpenTelemetry names end, with a gap until the collector runs again.',
    alerts: { otel: ['CollectorSilent'], prometheus: [] },
    breaksMeasuring: 'the collector is stopped, and with it what it measures',
    ...partScenario(servicePart(collector, 'kwok-collector')),
  },
  {
    name: 'prometheus-down',
    only: 'prometheus',
    does: 'Prometheus is stopped; in the Docker runtime LGTM. `make verify` fails meanwhile.',
    effect: '5 s',
    shows: 'Nothing meanwhile, and then a gap in all series.',
    alerts: { otel: [], prometheus: [] },
    breaksMeasuring: 'Prometheus is stopped',
    ...partScenario(servicePart(lab => (hasService(lab, prometheus) ? prometheus : lgtm), 'kwok-lgtm')),
  },
  {
    name: 'kubelets-down',
    only: 'stats-proxy',
    does: 'The stats proxy is stopped, and with it all kubelets and node exporters. `make verify` fails meanwhile.',
    effect: '5 s',
    shows: 'The usage of all nodes and pods ends; the API has no change.',
    alerts: {
      otel: ['StatsProxyDown', 'NodeWithoutUsage', 'TargetsDown'],
      prometheus: ['KubeletDown', 'KubeletInstanceUnreachable', 'TargetDown'],
    },
    breaksMeasuring: 'the stats proxy is stopped, and with it the usage of nodes and pods',
    ...partScenario(servicePart(statsProxy, 'kwok-stats-proxy')),
  },
  {
    name: 'aggregated-api-down',
    only: 'metrics-server',
    does: 'metrics-server is stopped, so that the API server cannot serve metrics.k8s.io.',
    effect: '5 s',
    shows: 'The target metrics-server is down, and autoscalers do not scale.',
    alerts: {
      otel: ['MetricsServerDown', 'TargetsDown'],
      prometheus: ['KubeAggregatedAPIDown', 'TargetDown'],
    },
    ...partScenario(servicePart(metricsServer, 'kwok-metrics-server')),
  },
  {
    name: 'traces-silent',
    only: 'trace-simulator',
    does: 'The trace simulator is stopped.',
    effect: '5 s',
    shows: 'Requests, errors and durations of services end.',
    alerts: { otel: ['TraceSimulatorSilent'], prometheus: [] },
    breaksMeasuring: 'the trace simulator is stopped, and with it the series of services',
    ...partScenario(servicePart(traceSimulator, 'kwok-traces')),
  },
  {
    name: 'traces-undelivered',
    only: 'jaeger',
    does: 'Jaeger is stopped: the collector cannot deliver traces. In the binary runtime only.',
    effect: '5 s',
    shows: 'The collector drops spans.',
    alerts: { otel: ['TracesNotDelivered'], prometheus: [] },
    breaksMeasuring: 'Jaeger is stopped, and with it the traces that verify compares with',
    ...partScenario(servicePart(jaeger, 'kwok-jaeger')),
  },
  {
    name: 'scheduler-down',
    only: 'kube-scheduler',
    does: 'kube-scheduler is stopped: new pods stay Pending. In the binary runtime only.',
    effect: '2 s',
    shows: 'The target kube-scheduler is down.',
    alerts: {
      otel: ['KubeControlPlaneDown', 'TargetsDown'],
      prometheus: ['KubeSchedulerInstanceUnreachable', 'TargetDown'],
    },
    breaksMeasuring: 'kube-scheduler is stopped, and with it its metrics',
    ...partScenario(componentPart('kube-scheduler')),
  },
  {
    name: 'controller-manager-down',
    only: 'kube-controller-manager',
    does: 'kube-controller-manager is stopped: no object is reconciled. In the binary runtime only.',
    effect: '2 s',
    shows: 'The target kube-controller-manager is down.',
    alerts: {
      otel: ['KubeControlPlaneDown', 'TargetsDown'],
      prometheus: ['KubeControllerManagerInstanceUnreachable', 'TargetDown'],
    },
    breaksMeasuring: 'kube-controller-manager is stopped, and with it its metrics',
    ...partScenario(componentPart('kube-controller-manager')),
  },
  {
    name: 'api-errors',
    target: 'part',
    only: 'kube-apiserver',
    does: `An admission webhook that does not answer, and ${FAILING_REQUESTS} requests a second that fail by it. No other request does.`,
    effect: '1 s',
    heals: 'The webhook is deleted, and the requests end.',
    shows: 'Requests with code 500, and an error budget that is spent.',
    alerts: { otel: ['KubeAPIErrorBudgetSpent'], prometheus: ['KubeAPIErrorBudgetBurn'] },
    ...apiErrors(),
  },
]

/** A service, also one that depends on the runtime. */
function servicePart(service: Service<never> | ((lab: Lab) => Service<never>), task: string): Part {
  const of = (lab: Lab) => (typeof service === 'function' ? service(lab) : service)
  return {
    isRunning: async lab => (await labServices(lab).state(of(lab))).process !== undefined,
    stop: async lab => await labServices(lab).stop(of(lab)),
    task,
  }
}

function componentPart(name: 'kube-scheduler' | 'kube-controller-manager'): Part {
  const processOf = async (lab: Lab) => (await controlPlaneOf(lab).processes(lab)).get(name)
  return {
    fixed: lab => (runtimeOf(lab) === 'binary' ? undefined : 'only the binary runtime can stop it'),
    isRunning: async lab => (await processOf(lab)) !== undefined,
    async stop(lab) {
      const found = await processOf(lab)
      if (found !== undefined) signalProcess(found.pid, 'SIGTERM')
    },
    task: 'kwok-create-cluster',
  }
}

function partScenario({
  fixed,
  isRunning,
  stop,
  task,
}: Part): Pick<Scenario, 'target' | 'heals' | 'unfitLab' | 'hold' | 'undo'> {
  return {
    target: 'part',
    heals,
    unfitLab: async lab => fixed?.(lab) ?? ((await isRunning(lab)) ? undefined : 'it does not run'),
    async hold({ lab, target, saved, save }) {
      const state = saved as { isStopped: boolean } | undefined
      if (state?.isStopped === true) {
        if (await isRunning(lab)) throw new TargetGoneError(`${target} was started again`)
        return HOLD_MS
      }
      save({ isStopped: false })
      await stop(lab)
      if (await isRunning(lab)) throw new LabError(`${target} still runs`)
      save({ isStopped: true })
      return HOLD_MS
    },
    async undo({ lab, saved }) {
      if (saved === undefined || (await isRunning(lab))) return
      const args = [join(projectDir, 'lib', 'cli', 'bundled.js'), join(projectDir, 'tasks', `${task}.ts`)]
      await runCommand(process.execPath, [...args, '--cluster-name', lab.settings.clusterName], { cwd: projectDir })
    },
  }
}

/** Requests of the holder to create ConfigMaps, without creating them, and a webhook for those. */
function apiErrors(): Pick<Scenario, 'hold' | 'undo'> {
  const webhook = {
    name: 'scenario.kube-otel-lab.example',
    // Nothing listens on this port.
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-otel-lab' } },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }
  const scenario = objectScenario(async () => ({
    collection: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    manifest: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      webhooks: [webhook],
    },
  }))
  return {
    ...scenario,
    async hold(run) {
      await scenario.hold(run)
      const body = { metadata: { generateName: 'scenario-' } }
      const requests = Array.from({ length: FAILING_REQUESTS }, () =>
        run.client.request('POST', `${CONFIG_MAPS}?dryRun=All`, { body }),
      )
      await Promise.all(requests)
      return 1_000
    },
  }
}
