import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { catalog, k3dPrograms, kwokPrograms } from '../../lib/programs/program-catalog.ts'
import { releasePath, script, writeProgram } from '../lib/programs/program-fixture.ts'
import { bareMachine, importTask, withRefusingProxy } from '../support/task.ts'

const task = suite<{ dir: string; env: NodeJS.ProcessEnv }>('tasks/doctor')
task.before.each(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-doctor-'))
  context.env = bareMachine(context.dir)
})
task.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }))

const start = async (env: NodeJS.ProcessEnv, ...args: string[]) => await importTask('doctor.ts', args, { env })

task('prints the table and exits with 0 when every program is installed', async ({ env }) => {
  for (const { programs, version } of catalog) {
    for (const { name, inFolder } of programs) {
      writeProgram(join(releasePath({ env }, name, version), inFolder ?? ''), script(name, version))
    }
  }
  const { status, stdout, stderr } = await start(env)
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.equal(stdout.trimEnd().split('\n').length, 2 + new Set([...kwokPrograms, ...k3dPrograms]).size + 3)
})

task('needs no Grafana binary, unless GRAFANA is grafana', async ({ env }) => {
  for (const { programs, version } of catalog) {
    for (const { name } of programs.filter(each => each.name !== 'grafana')) {
      writeProgram(releasePath({ env }, name, version), script(name, version))
    }
  }
  const without = await start(env)
  assert.deepEqual([without.status, without.stderr], [0, ''])
  assert.match(
    without.stdout,
    /^grafana +\d+\.\d+\.\d+ +optional +only for GRAFANA=grafana; else the lab's page shows the dashboards: dl\.grafana\.com can't/m,
  )
  const own = await start({ ...env, GRAFANA: 'grafana' })
  assert.equal(own.status, 1)
  assert.match(own.stderr, /^grafana \S+ is not available: .*\n {2}Next: allow its download, or set GRAFANA_BINARY\n$/)
})

task(
  'ends with 1 and a Next: line for each program that is not available, and changes nothing',
  async ({ env, dir }) => {
    const { status, stdout, stderr } = await start(env)
    assert.equal(status, 1)
    assert.match(stdout, /^etcd +\d+\.\d+\.\d+ +missing +.*github\.com can't be reached.*; PATH has no go/m)
    assert.match(stderr, /^etcd \S+ is not available: .*\n {2}Next: install Go .* set ETCD_BINARY$/m)
    assert.deepEqual(readdirSync(dir), [])
  },
)

for (const answer of ['403 Forbidden', '407 Proxy Authentication Required']) {
  task(`names a proxy that answers ${answer} as the reason, and ends with 1`, async ({ env, dir }) => {
    await withRefusingProxy(answer, async HTTPS_PROXY => {
      const { status, stdout, stderr } = await start({ ...env, HTTPS_PROXY })
      assert.equal(status, 1)
      const reason = `can't be reached: Proxy response \\(${answer.slice(0, 3)}\\)`
      for (const [program, host] of [
        ['etcd', 'github\\.com'],
        ['kube-apiserver', 'dl\\.k8s\\.io'],
        ['helm', 'get\\.helm\\.sh'],
      ]) {
        assert.match(stdout, new RegExp(`^${program} +\\S+ +missing +${host} ${reason}`, 'm'))
        assert.match(stderr, new RegExp(`^${program} \\S+ is not available: ${host} ${reason}.*\\n {2}Next: `, 'm'))
      }
      assert.deepEqual(readdirSync(dir), [])
    })
  })
}

task(
  'in the Docker runtime requires only programs that are in no image, and lists the images of the engine',
  async ({ env, dir }) => {
    for (const { programs, version } of catalog) {
      for (const { name } of programs) {
        if (!['kwokctl', 'kubectl', 'helm', 'k3d'].includes(name)) continue
        writeProgram(releasePath({ env }, name, version), script(name, version))
      }
    }
    writeProgram(join(dir, 'none', 'docker'), '#!/bin/sh\ncase "$*" in *otel-lgtm*) exit 1;; esac\n')
    const docker = { ...env, PATH: `${join(dir, 'none')}:/usr/bin:/bin`, RUNTIME: 'docker' }
    const { status, stdout, stderr } = await start(docker)
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /^promtool +\S+ +optional +only for RULES_DIR: /m)
    const withRules = await start({ ...docker, RULES_DIR: dir })
    assert.equal(withRules.status, 1)
    assert.match(withRules.stderr, /^promtool \S+ is not available: /m)
    assert.doesNotMatch(withRules.stderr, /^prometheus /m)
    assert.match(stdout, /^otelcol +\S+ +optional +only for RUNTIME=binary; here it is in an image: /m)
    assert.match(stdout, /^etcd +present +quay\.io\/coreos\/etcd:v/m)
    assert.match(stdout, /^lgtm +to be pulled +docker\.io\/grafana\/otel-lgtm:/m)
  },
)

task('refuses a misspelt flag by name', async ({ env }) => {
  const { status, stdout, stderr } = await start(env, '--forse')
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /--forse/)
})
task.run()
