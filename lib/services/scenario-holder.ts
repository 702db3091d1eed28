import { join } from 'node:path'
import { type Lab, writeFileAtomically } from '../lab/lab.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { wroteItsPid } from './process-services.ts'
import type { Service } from './service.ts'

/** The process that holds scenarios. `make kwok-scenario` starts it, and `make kwok-heal` ends it with the last scenario. */
export const scenarioHolder = {
  name: 'scenarios',
  isOnMachine: true,
  isOptional: true,
  process: {
    probe: async lab => ((await isHolding(lab)) ? undefined : 'it has not read its journal yet'),
    spec: async lab => ({
      name: 'scenarios',
      ...(await daemonCommand('scenarios', join('lib', 'scenarios', 'scenario-holder-process.ts'), {
        args: ['--cluster-name', lab.settings.clusterName],
      })),
      runsTools: true,
      isSupervised: true,
      ready: () => isHolding(lab),
    }),
  },
} as const satisfies Service

/** Called by the process when it begins. */
export function writeHolderPid(lab: Lab): void {
  writeFileAtomically(pidPath(lab), String(process.pid))
}

async function isHolding(lab: Lab): Promise<boolean> {
  return await wroteItsPid(lab, 'scenarios', pidPath(lab))
}

function pidPath(lab: Lab): string {
  return join(lab.configDir, 'scenarios.ready')
}
