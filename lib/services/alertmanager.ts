import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { insidePorts } from '../lab/addresses.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { isOk, probe } from '../system/probe.ts'
import { containerDir, copyForContainer, giveToContainers, insideDir } from './container-user.ts'
import type { Service } from './service.ts'

const configPath = join(projectDir, 'kwok-config', 'alertmanager.yaml')

/** What both runtimes share. */
const shared = (lab: Lab) => ({
  name: 'alertmanager',
  contents: readFileSync(configPath, 'utf8'),
  ready: () => isOk(readyUrl(lab)),
})
const runs = {
  isWanted: (lab: Lab) => lab.settings.alertmanager,
  ports: ['alertmanagerPort'],
  probe: async (lab: Lab) => await probe({ url: readyUrl(lab) }),
} as const

/** Alertmanager, for ALERTMANAGER=true: groups and mutes the alerts that Prometheus sends. */
export const alertmanager = {
  name: 'alertmanager',
  process: {
    ...runs,
    spec: async lab => ({
      ...shared(lab),
      command: await programPath('alertmanager'),
      args: flags(lab, {
        config: configPath,
        data: dataDir(lab),
        address: `127.0.0.1:${lab.settings.alertmanagerPort}`,
      }),
    }),
  },
  container: {
    ...runs,
    spec: lab => {
      mkdirSync(dataDir(lab), { recursive: true, mode: 0o700 })
      giveToContainers(dataDir(lab))
      return {
        ...shared(lab),
        image: 'alertmanager',
        args: flags(lab, {
          config: copyForContainer(lab, 'alertmanager', configPath),
          // The folder of the image's own volume.
          data: DATA_INSIDE,
          address: `0.0.0.0:${insidePorts.alertmanagerPort}`,
        }),
        mounts: [
          { from: containerDir(lab, 'alertmanager'), to: insideDir },
          { from: dataDir(lab), to: DATA_INSIDE, isWritable: true },
        ],
        ports: ['alertmanagerPort'],
      }
    },
  },
} as const satisfies Service

const DATA_INSIDE = '/alertmanager'

function flags(lab: Lab, given: { config: string; data: string; address: string }): string[] {
  return [
    `--config.file=${given.config}`,
    `--storage.path=${given.data}`,
    `--web.listen-address=${given.address}`,
    `--web.external-url=${alertmanagerUrl(lab)}`,
    // One instance: without this it listens for others on all addresses.
    '--cluster.listen-address=',
    '--log.level=warn',
  ]
}

/** Silences and notifications. */
function dataDir(lab: Lab): string {
  return join(lab.dataDir, 'alertmanager')
}

export function alertmanagerUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.alertmanagerPort}`
}

function readyUrl(lab: Lab): string {
  return `${alertmanagerUrl(lab)}/-/ready`
}
