import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { projectDir } from '../../../lib/lab/lab.ts'
import { alertmanager } from '../../../lib/services/alertmanager.ts'
import { hasService } from '../../../lib/services/service.ts'
import { tempLab } from '../../support/temp-lab.ts'

const configs = suite('kwok-config/alertmanager.yaml')

configs('routes to receivers that exist and send nothing', () => {
  const { route, receivers } = parse(readFileSync(join(projectDir, 'kwok-config', 'alertmanager.yaml'), 'utf8'))
  const routed = [route, ...route.routes].map(({ receiver }) => receiver)
  assert.deepEqual(receivers.map(({ name }: { name: string }) => name).sort(), routed.sort())
  for (const receiver of receivers) assert.deepEqual(Object.keys(receiver), ['name'])
})
configs.run()

const services = suite('alertmanager')

services('is part of a lab with ALERTMANAGER=true alone, and listens on loopback', async () => {
  process.env['ALERTMANAGER_BINARY'] = process.execPath
  try {
    const lab = tempLab({ alertmanager: 'true', alertmanagerPort: '9193' })
    assert.deepEqual([hasService(lab, alertmanager), hasService(tempLab(), alertmanager)], [true, false])
    const { args } = await alertmanager.process.spec(lab)
    assert.deepEqual(
      args.filter(arg => arg.includes('listen')),
      ['--web.listen-address=127.0.0.1:9193', '--cluster.listen-address='],
    )
  } finally {
    delete process.env['ALERTMANAGER_BINARY']
  }
})
services.run()
