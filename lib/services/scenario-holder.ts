import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { kubeconfigPath, kubeconfigServer } from '../lab/kubeconfig.ts'
import { type Lab, labFlags, writeFileAtomically } from '../lab/lab.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { servicePidPath, wroteItsPid } from './process-services.ts'
import type { Service } from './service.ts'

/** The process that holds scenarios. `make kwok-scenario` starts it, and `make kwok-heal` ends it with the last scenario. */
export const scenarioHolder = {
  name: 'scenarios',
  isOnMachine: true,
  isOptional: true,
  process: {
    probe: async lab => ((await isHolding(lab)) ? undefined : 'it has not read its journal yet'),
    async spec(lab) {
      const program = join('lib', 'scenarios', 'scenario-holder-process.ts')
      const { contents, ...command } = await daemonCommand('scenarios', program, { args: labFlags(lab) })
      return {
        name: 'scenarios',
        ...command,
        // A cluster that was created again can have another address and CA.
        contents: `${contents}${kubeconfigServer(kubeconfigPath(lab, 'scenarios'))}`,
        runsTools: true,
        isSupervised: true,
        ready: () => isHolding(lab),
      }
    },
  },
} as const satisfies Service

/** Called by the process when it begins. */
export function writeHolderPid(lab: Lab): void {
  writeFileAtomically(pidPath(lab), String(process.pid))
}

/** Called by the process when it ends by itself: it is not started again. */
export function forgetHolder(lab: Lab): void {
  rmSync(servicePidPath(lab, 'scenarios'), { force: true })
}

async function isHolding(lab: Lab): Promise<boolean> {
  return await wroteItsPid(lab, 'scenarios', pidPath(lab))
}

function pidPath(lab: Lab): string {
  return join(lab.configDir, 'scenarios.ready')
}
