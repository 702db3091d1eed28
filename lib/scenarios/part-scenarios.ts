import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { controlPlaneOf } from '../kwok/kwok-cluster.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { collector } from '../services/collector.ts'
import { jaeger } from '../services/jaeger.ts'
import { lgtm } from '../services/lgtm.ts'
import { metricsServer } from '../services/metrics-server.ts'
import { prometheus } from '../services/prometheus.ts'
import { hasService, labServices, type Service } from '../services/service.ts'
import { statsProxy } from '../services/stats-proxy.ts'
import { traceSimulator } from '../services/trace-simulator.ts'
import { type ProcessInfo, signalProcess } from '../system/processes.ts'
import { run as runCommand } from '../system/run.ts'
import { type Scenario, TargetGoneError } from './scenario.ts'

const HOLD_MS = 2_000
/** Of every so many seconds, etcd is paused for so many. */
const [PAUSE_EVERY_S, PAUSE_S] = [5, 1.5]
const heals = 'The step of `make kwok` that starts the part runs. If you start it yourself before, the scenario ends.'

/** A part of the lab: how it is stopped, and the task that starts it. */
interface Part {
  /** Why it cannot be stopped, if it runs. */
  fixed?: (lab: Lab) => string | undefined
  isRunning: (lab: Lab) => Promise<boolean>
  stop: (lab: Lab) => Promise<unknown>
  task: string
}

/** Scenarios of a part of the lab that is stopped, restarted or paused. */
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
    ends: { job: 'metrics-server' },
    ...partScenario(servicePart(metricsServer, 'kwok-metrics-server')),
  },
  {
    name: 'traces-silent',
    only: 'trace-simulator',
    does: 'The trace simulator is stopped.',
    effect: '5 s',
    shows: 'Requests, errors and durations of services end.',
    alerts: { otel: ['TraceSimulatorSilent'], prometheus: [] },
    ends: { metrics: /^traces_/ },
    ...partScenario(servicePart(traceSimulator, 'kwok-traces')),
  },
  {
    name: 'traces-undelivered',
    only: 'jaeger',
    does: 'Jaeger is stopped: the collector cannot deliver traces. In the binary runtime only.',
    effect: '5 s',
    shows: 'The collector drops spans.',
    alerts: { otel: ['TracesNotDelivered'], prometheus: [] },
    ...partScenario(servicePart(jaeger, 'kwok-jaeger')),
  },
  {
    name: 'scheduler-down',
    does: 'kube-scheduler is stopped: new pods stay Pending. In the binary runtime only.',
    ...componentScenario('kube-scheduler', 'KubeSchedulerInstanceUnreachable'),
  },
  {
    name: 'controller-manager-down',
    does: 'kube-controller-manager is stopped: no object is reconciled. In the binary runtime only.',
    ...componentScenario('kube-controller-manager', 'KubeControllerManagerInstanceUnreachable'),
  },
  {
    name: 'prometheus-restarted',
    only: 'prometheus',
    does: 'Prometheus is stopped and started once; in the Docker runtime LGTM.',
    effect: '10 s',
    shows: 'A gap of some seconds in all series.',
    alerts: { otel: [], prometheus: [] },
    ...restartScenario(servicePart(lab => (hasService(lab, prometheus) ? prometheus : lgtm), 'kwok-lgtm')),
    heals: 'Prometheus runs again, without healing.',
  },
  {
    name: 'etcd-slow',
    target: 'part',
    only: 'etcd',
    does: 'etcd is paused for 1.5 s of every 5 s, so that all requests wait. In the binary runtime only.',
    effect: '5 s',
    heals: 'etcd is paused no more. A pause ends by itself, also if the holder is killed.',
    shows: 'The durations of requests to etcd and to the API server, and an error budget that is spent.',
    alerts: { otel: ['KubeAPIErrorBudgetSpent'], prometheus: ['KubeAPIErrorBudgetBurn'] },
    ...pausedComponent('etcd'),
  },
]

/** A service, also one that depends on the runtime. */
function servicePart(service: Service | ((lab: Lab) => Service), task: string): Part {
  const of = (lab: Lab) => (typeof service === 'function' ? service(lab) : service)
  return {
    isRunning: async lab => (await labServices(lab).state(of(lab))).process !== undefined,
    stop: async lab => await labServices(lab).stop(of(lab)),
    task,
  }
}

/** A component of the control plane that is stopped, and kube-prometheus' alert of its target. */
function componentScenario(name: 'kube-scheduler' | 'kube-controller-manager', alert: string) {
  return {
    only: name,
    effect: '2 s',
    shows: `The target ${name} is down.`,
    alerts: { otel: ['KubeControlPlaneDown', 'TargetsDown'], prometheus: [alert, 'TargetDown'] },
    ends: { job: name },
    ...partScenario({
      fixed: lab => (controlPlaneOf(lab).runsHere ? undefined : 'only the binary runtime can stop it'),
      isRunning: async lab => (await processOf(lab, name)) !== undefined,
      async stop(lab) {
        const found = await processOf(lab, name)
        if (found !== undefined) signalProcess(found.pid, 'SIGTERM')
      },
      task: 'kwok-create-cluster',
    }),
  }
}

/** The process of a component in the binary runtime. */
async function processOf(lab: Lab, component: string): Promise<ProcessInfo | undefined> {
  return (await controlPlaneOf(lab).processes(lab)).get(component)
}

function partScenario(part: Part): Pick<Scenario, 'target' | 'heals' | 'unfitLab' | 'hold' | 'undo'> {
  const { fixed, isRunning, stop, task } = part
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
      if (saved !== undefined && !(await isRunning(lab))) await start(lab, task)
    },
  }
}

/** Runs the step that starts a part. */
async function start(lab: Lab, task: string): Promise<void> {
  const args = [join(projectDir, 'lib', 'cli', 'bundled.js'), join(projectDir, 'tasks', `${task}.ts`)]
  await runCommand(process.execPath, [...args, '--cluster-name', lab.settings.clusterName], { cwd: projectDir })
}

/** A part that is stopped, and at the next call started. */
function restartScenario(part: Part): ReturnType<typeof partScenario> {
  const stopped = partScenario(part)
  return {
    ...stopped,
    async hold(run) {
      const { isStopped, isRestarted } = (run.saved ?? {}) as { isStopped?: boolean; isRestarted?: boolean }
      if (isRestarted === true) return HOLD_MS
      // The task that starts the scenario holds the lab's lock until this call has ended, and the step needs it.
      if (isStopped !== true) return Math.min(500, await stopped.hold(run))
      await start(run.lab, part.task)
      run.save({ isStopped, isRestarted: true })
      return HOLD_MS
    },
  }
}

function pausedComponent(name: 'etcd'): Pick<Scenario, 'unfitLab' | 'hold' | 'undo'> {
  return {
    unfitLab: async lab => {
      if (!controlPlaneOf(lab).runsHere) return 'only the binary runtime can pause it'
      return (await processOf(lab, name)) === undefined ? 'it does not run' : undefined
    },
    async hold({ lab, save }) {
      save({})
      const found = await processOf(lab, name)
      if (found === undefined) throw new TargetGoneError(`${name} does not run`)
      // Its own process group: the pause ends also when this process is killed.
      const pause = `kill -STOP ${found.pid}; sleep ${PAUSE_S}; kill -CONT ${found.pid}`
      spawn('sh', ['-c', pause], { detached: true, stdio: 'ignore' }).unref()
      return PAUSE_EVERY_S * 1_000
    },
    async undo({ lab, saved }) {
      const found = saved === undefined ? undefined : await processOf(lab, name)
      if (found !== undefined) signalProcess(found.pid, 'SIGCONT')
    },
  }
}
