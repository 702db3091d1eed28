import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, projectDir } from '../lab/lab.ts'
import { answersAt, defineService } from './define-service.ts'

const configPath = join(projectDir, 'kwok-config', 'alertmanager.yaml')

/** Alertmanager, for ALERTMANAGER=true: groups and mutes the alerts that Prometheus sends. */
export const alertmanager = defineService({
  name: 'alertmanager',
  isWanted: lab => lab.settings.alertmanager,
  ports: ['alertmanagerPort'],
  ...answersAt(lab => `${alertmanagerUrl(lab)}/-/ready`),
  run: (lab, place) => ({
    args: [
      `--config.file=${place.file(configPath)}`,
      // Silences and notifications; in a container at the image's own volume.
      `--storage.path=${place.data('/alertmanager')}`,
      `--web.listen-address=${place.host}:${place.port('alertmanagerPort')}`,
      `--web.external-url=${alertmanagerUrl(lab)}`,
      // One instance: without this it listens for others on all addresses.
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
    contents: readFileSync(configPath, 'utf8'),
  }),
})

export function alertmanagerUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.alertmanagerPort}`
}
