import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import { ensureGrafanaPassword, grafanaPassword } from '../../../lib/services/grafana-password.ts'
import { tempLab } from '../../support/temp-lab.ts'

const passwords = suite('ensureGrafanaPassword()')

passwords('creates one for each lab, in a file of mode 0600, once', () => {
  const [lab, other] = [tempLab(), tempLab()]
  const path = ensureGrafanaPassword(lab)
  const password = readFileSync(path, 'utf8')
  assert.match(password, /^[\w-]{24}$/)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(ensureGrafanaPassword(lab), path)
  assert.equal(grafanaPassword(lab), password)
  ensureGrafanaPassword(other)
  assert.notEqual(grafanaPassword(other), password)
})

passwords('reports that a lab without a password has no Grafana', () => {
  assert.throws(() => grafanaPassword(tempLab()), {
    name: 'LabError',
    message: /^Lab "unit" has no Grafana: .*grafana\.password is not there$/,
  })
})
passwords.run()
