import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { ensureLabDirs, type Lab, writeFileAtomically } from '../lab/lab.ts'

/** A random password of 144 bits. */
export function randomPassword(): string {
  return randomBytes(18).toString('base64url')
}

/** The file with the password of Grafana's administrator, mode 0600. It is made once for each lab: Grafana only reads it at its first start. */
export function ensureGrafanaPassword(lab: Lab): string {
  const path = passwordPath(lab)
  ensureLabDirs(lab)
  if (!existsSync(path)) writeFileAtomically(path, randomPassword())
  return path
}

/** The password of Grafana's administrator. Throws a LabError when the lab has no Grafana. */
export function grafanaPassword(lab: Lab): string {
  const path = passwordPath(lab)
  if (existsSync(path)) return readFileSync(path, 'utf8')
  throw new LabError(`Lab "${lab.settings.clusterName}" has no Grafana`, {
    why: `${path} is not there`,
    next: 'GRAFANA=grafana make kwok-grafana, or RUNTIME=docker for a new lab',
  })
}

/** The value of a setting that Grafana reads from a file: neither its environment nor `docker inspect` shows the password. */
export function fromFile(path: string): string {
  return `$__file{${path}}`
}

function passwordPath(lab: Lab): string {
  return join(lab.configDir, 'grafana.password')
}
