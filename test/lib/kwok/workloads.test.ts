import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parseAllDocuments } from 'yaml'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { parseQuantity } from '../../../lib/kube/quantity.ts'
import { podNamespaces } from '../../../lib/kwok/pods.ts'
import {
  isRolledOut,
  waitUntilRolledOut,
  workloadNamespaces,
  workloadRequests,
  workloadsDir,
} from '../../../lib/kwok/workloads.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { processInfos } from '../../../lib/system/processes.ts'
import { tempLab, writeKubeconfig } from '../../support/temp-lab.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'

const configDir = join(projectDir, 'kwok-config')
const yamlFiles = readdirSync(configDir, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.yaml'))
const documentsOf = (file: string) => parseAllDocuments(readFileSync(join(configDir, file), 'utf8'))
const workloadFiles = readdirSync(workloadsDir).sort()
const objects = workloadFiles.flatMap(file =>
  parseAllDocuments(readFileSync(join(workloadsDir, file), 'utf8')).map(document => fields(document.toJS())),
)
const metadataOf = (object: Record<string, unknown>) => fields(object['metadata'])

/** The pod template of a workload, or nothing for an object that makes no pods. */
function templateOf(object: Record<string, unknown>): Record<string, unknown> | undefined {
  const spec = fields(object['spec'])
  const template = fields(spec['jobTemplate'])['spec'] ?? spec
  const found = fields(template)['template']
  return found === undefined ? undefined : fields(found)
}
const withTemplates = objects.filter(object => templateOf(object) !== undefined)

const rollouts = suite('isRolledOut()')
const deployment = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, observedGeneration: 2 }
const daemonSet = { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3, observedGeneration: 2 }
const rolloutCases: [what: string, kind: string, status: Record<string, number>, expected: boolean][] = [
  ['a Deployment with all its pods', 'Deployment', deployment, true],
  ['a StatefulSet with all its pods', 'StatefulSet', deployment, true],
  ['a DaemonSet on all nodes', 'DaemonSet', daemonSet, true],
  [
    'one that no controller has looked at since it was changed',
    'Deployment',
    { ...deployment, observedGeneration: 1 },
    false,
  ],
  ['one that no controller has looked at', 'Deployment', {}, false],
  ['one with a pod that is not available', 'Deployment', { ...deployment, availableReplicas: 2 }, false],
  ['one with a pod of before', 'Deployment', { ...deployment, replicas: 4 }, false],
  ['one with fewer new pods than it wants', 'StatefulSet', { ...deployment, updatedReplicas: 2 }, false],
  ['a DaemonSet that lacks a node', 'DaemonSet', { ...daemonSet, numberAvailable: 2 }, false],
  ['a DaemonSet with a pod of before', 'DaemonSet', { ...daemonSet, updatedNumberScheduled: 2 }, false],
]
for (const [what, kind, status, expected] of rolloutCases) {
  rollouts(`${what}: ${expected}`, () => {
    assert.equal(isRolledOut({ kind, metadata: { generation: 2 }, spec: { replicas: 3 }, status }), expected)
  })
}
rollouts.run()

const configs = suite('kwok-config')
for (const file of yamlFiles) {
  configs(`${file} is YAML`, () => {
    const documents = documentsOf(file)
    assert(documents.length > 0)
    for (const { errors, warnings, contents } of documents) {
      assert.deepEqual([...errors, ...warnings], [])
      assert.notEqual(contents, null, 'it has an empty document')
    }
  })
}

configs('names no image that could be pulled by mistake', () => {
  const images: string[] = []
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look)
    else
      for (const [key, inner] of Object.entries(fields(value)))
        key === 'image' ? images.push(String(inner)) : look(inner)
  }
  for (const file of yamlFiles) for (const document of documentsOf(file)) look(document.toJS())
  assert(images.length > 10)
  // RFC 2606 keeps .example out of the DNS.
  for (const image of images) assert.match(image, /^registry\.example\/[a-z/-]+:\d+\.\d+\.\d+$/)
})
configs.run()

const files = suite('workloadsDir')
files('has nothing but manifests, the namespaces first in the order of their names', () => {
  assert.equal(workloadFiles[0], '00-namespaces.yaml')
  for (const file of workloadFiles) assert.match(file, /^\d\d-[a-z]+\.yaml$/)
})
files.run()

const namespaces = suite('workloadNamespaces')

namespaces('are those of the manifests, each made and each used', () => {
  const made = objects.filter(object => object['kind'] === 'Namespace').map(object => text(metadataOf(object)['name']))
  assert.deepEqual(made, [...workloadNamespaces])
  const used = new Set(objects.map(object => text(metadataOf(object)['namespace'])).filter(name => name !== undefined))
  assert.deepEqual([...used].sort(), [...workloadNamespaces].sort())
})

namespaces('are not those of kwok-pods, whose pods it counts', () => {
  const names = new Set<string>(workloadNamespaces)
  for (const namespace of podNamespaces) assert(!names.has(namespace))
})
namespaces.run()

const workloads = suite('kwok-config/workloads')

workloads('have every kind that a cluster has', () => {
  const count = (kind: string) => objects.filter(object => object['kind'] === kind).length
  const kinds = ['Deployment', 'DaemonSet', 'Job', 'StatefulSet', 'CronJob', 'HorizontalPodAutoscaler', 'ResourceQuota']
  const least = [3, 2, 2, 1, 1, 1, 1]
  for (const [index, kind] of kinds.entries()) assert(count(kind) >= (least[index] ?? 1), kind)
  const claims = withTemplates.filter(object => JSON.stringify(templateOf(object)).includes('persistentVolumeClaim'))
  assert(claims.length > 0, 'a pod that uses a claim')
})

workloads('have Jobs in the one namespace where they are waited for', () => {
  const jobs = objects.filter(object => object['kind'] === 'Job')
  assert.deepEqual([...new Set(jobs.map(job => metadataOf(job)['namespace']))], ['batch'])
})

workloads('select the pods they make', () => {
  for (const object of withTemplates) {
    const { matchLabels } = fields(fields(object['spec'])['selector'])
    if (matchLabels === undefined) continue
    const labels = fields(fields(templateOf(object)?.['metadata'])['labels'])
    for (const [key, value] of Object.entries(fields(matchLabels))) assert.equal(labels[key], value)
  }
})

workloads('give each container requests, so that its usage has bounds', () => {
  for (const object of withTemplates) {
    const containers = items(fields(templateOf(object)?.['spec'])['containers'])
    assert(containers.length > 0)
    for (const container of containers) {
      const { requests } = fields(fields(container)['resources'])
      for (const resource of ['cpu', 'memory']) {
        const quantity = parseQuantity(text(fields(requests)[resource]) ?? '') ?? 0
        assert(quantity > 0, `${metadataOf(object)['name']} ${resource}`)
      }
    }
  }
})
workloads.run()

const requests = suite('workloadRequests()')
requests('counts maxReplicas for a workload with an autoscaler', () => {
  const scalers = objects
    .filter(object => object['kind'] === 'HorizontalPodAutoscaler')
    .map(each => fields(each['spec']))
  assert(scalers.length > 0)
  let most = 0
  for (const { scaleTargetRef, maxReplicas } of scalers) {
    const target = withTemplates.find(object => metadataOf(object)['name'] === fields(scaleTargetRef)['name'])
    // With a number of its own, each run of kwok-workloads would undo what the autoscaler did.
    assert.equal(fields(target?.['spec'])['replicas'], undefined)
    most += Number(maxReplicas)
  }
  const others = withTemplates.filter(object => !['DaemonSet'].includes(String(object['kind'])))
  const scaled = new Set(scalers.map(({ scaleTargetRef }) => fields(scaleTargetRef)['name']))
  const fixed = others
    .filter(object => !scaled.has(metadataOf(object)['name']))
    .map(object => {
      const spec = fields(object['spec'])
      const job = fields(fields(spec['jobTemplate'])['spec'])
      return Number(spec['replicas'] ?? spec['parallelism'] ?? job['parallelism'] ?? 1)
    })
  assert.equal(workloadRequests(tempLab()).anywhere.pods, most + fixed.reduce((sum, count) => sum + count, 0))
})

requests('counts a node exporter on each node where METRICS has them', () => {
  const perNode = (metrics: 'otel' | 'prometheus' | 'both') => workloadRequests(tempLab({ metrics })).perNode
  const [without, ...others] = [perNode('otel'), perNode('prometheus'), perNode('both')]
  for (const each of others) {
    // The requests of its two containers.
    assert.equal(Math.round(1_000 * (each.cpu - without.cpu)), 15)
    assert.equal(each.memoryBytes - without.memoryBytes, 40 * 2 ** 20)
    assert.equal(each.pods - without.pods, 1)
  }
})
requests.run()

const waits = suite('waitUntilRolledOut()')
const { KUBECTL_BINARY: before } = process.env
waits.after(() => {
  if (before === undefined) delete process.env.KUBECTL_BINARY
  else process.env.KUBECTL_BINARY = before
})

waits('ends the wait for Jobs when a rollout fails', async () => {
  const lab = tempLab()
  const [kubectl, pidFile] = [join(lab.configDir, 'kubectl'), join(lab.configDir, 'pid')]
  const unready = { kind: 'Deployment', metadata: { namespace: 'shop', generation: 1 }, spec: { replicas: 1 } }
  const script = `#!/bin/sh
case "$*" in
  *" wait job "*) echo $$ >${pidFile}; exec sleep 60 ;;
  *" get deployments,"*) echo '${JSON.stringify({ items: [unready] })}' ;;
  *" rollout status "*) while ! test -s ${pidFile}; do sleep 0.1; done; echo stuck >&2; exit 1 ;;
esac
`
  mkdirSync(lab.configDir, { recursive: true })
  writeFileSync(kubectl, script, { mode: 0o755 })
  process.env.KUBECTL_BINARY = kubectl
  const api = await fakeApi((_, response) => answer(response, 200, { items: [] }), { tls: true })
  writeKubeconfig(lab, api.credentials)
  await assert.rejects(waitUntilRolledOut(lab), /rollout status .* failed: exit code 1\n {4}stuck/)
  assert.equal((await processInfos([Number(readFileSync(pidFile, 'utf8'))])).size, 0)
  await api.close()
})
waits.run()

const usage = suite('kwok-config/kwok-usage.yaml')
const usages = documentsOf('kwok-usage.yaml').map(document => fields(document.toJS()))
const selected = (object: Record<string, unknown>) =>
  items(fields(fields(object['spec'])['selector'])['matchNamespaces']).map(String)

usage('has no catch-all, which would hide every other pattern', () => {
  assert(usages.length > 0)
  for (const object of usages) {
    assert.equal(object['kind'], 'ClusterResourceUsage')
    assert(selected(object).length > 0)
  }
})

usage('covers namespaces whose pods all have both usage annotations, within their limits', () => {
  for (const namespace of usages.flatMap(selected)) {
    const there = withTemplates.filter(object => metadataOf(object)['namespace'] === namespace)
    assert(there.length > 0, namespace)
    for (const object of there) {
      const template = templateOf(object) ?? {}
      const annotations = fields(fields(template['metadata'])['annotations'])
      for (const resource of ['cpu', 'memory']) {
        const used = parseQuantity(text(annotations[`kwok.x-k8s.io/usage-${resource}`]) ?? '') ?? Number.NaN
        const limits = items(fields(template['spec'])['containers']).map(
          container =>
            parseQuantity(text(fields(fields(fields(container)['resources'])['limits'])[resource]) ?? '') ?? 0,
        )
        assert(used > 0 && used <= Math.min(...limits), `${metadataOf(object)['name']} ${resource} ${used}`)
      }
    }
  }
})
usage.run()
