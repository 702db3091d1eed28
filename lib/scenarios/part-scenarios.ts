import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { controlPlaneOf } from '../kwok/kwok-cluster.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { collector } from '../services/collector.ts'
import { labServices } from '../services/service.ts'
import { signalProcess } from '../system/processes.ts'
import { run as runCommand } from '../system/run.ts'
import { type Scenario, TargetGoneError } from './scenario.ts'

const HOLD_MS = 2_000
const heals = 'The step of `make kwok` that starts the part runs. If you start it yourself before, the scenario ends.'

/** A part of the lab: how it is stopped, and the task that starts it. */
interface Part {
  isRunning: (lab: Lab) => Promise<boolean>
  stop: (lab: Lab) => Promise<unknown>
  task: string
}

/** Scenarios of a stopped part of the lab. */
export const partScenarios: readonly Scenario[] = [
  {
    name: 'collector-down',
    only: 'collector',
    does: 'The OpenTelemetry Collector is stopped. `make verify` fails meanwhile.',
    effect: '5 s',
    heals,
    shows: 'All series by OpenTelemetry names end, with a gap until the collector runs again.',
    alerts: { otel: ['CollectorSilent'], prometheus: [] },
    ...partScenario({
      isRunning: async lab => (await labServices(lab).state(collector)).process !== undefined,
      stop: lab => labServices(lab).stop(collector),
      task: 'kwok-collector',
    }),
  },
  {
    name: 'scheduler-down',
    only: 'kube-scheduler',
    does: 'kube-scheduler is stopped: new pods stay Pending. In the binary runtime only.',
    effect: '2 s',
    heals,
    shows: 'The target kube-scheduler is down.',
    alerts: { otel: ['KubeControlPlaneDown', 'TargetsDown'], prometheus: ['KubeSchedulerDown', 'TargetDown'] },
    ...partScenario({
      isRunning: async lab => (await controlPlaneOf(lab).processes(lab)).has('kube-scheduler'),
      async stop(lab) {
        if (runtimeOf(lab) !== 'binary') throw new LabError('Only the binary runtime can stop kube-scheduler')
        const process = (await controlPlaneOf(lab).processes(lab)).get('kube-scheduler')
        if (process !== undefined) signalProcess(process.pid, 'SIGTERM')
      },
      task: 'kwok-create-cluster',
    }),
  },
]

function partScenario({ isRunning, stop, task }: Part): Pick<Scenario, 'target' | 'hold' | 'undo'> {
  return {
    target: 'part',
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
      const args = ['--import', 'tsx', join(projectDir, 'tasks', `${task}.ts`)]
      await runCommand(process.execPath, [...args, '--cluster-name', lab.settings.clusterName], { cwd: projectDir })
    },
  }
}
