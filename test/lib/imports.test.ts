import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab/lab.ts'

/** The folders of lib from the lowest to the highest: a file imports from its own folder and from those before it. */
const order = [
  'cli',
  'system',
  'kube',
  'promql',
  'prometheus',
  'grafana',
  'programs',
  'docker',
  'lab',
  'services',
  'kubelet',
  'traces',
  'kwok',
  'k3d',
  'in-cluster',
  'scenarios',
  'checks/lint',
  'checks/verify',
  'checks/alerts',
  'render/charts',
  'render/report',
  'render/page',
  'bench',
  'docs',
]

/** Imports of values and of types, exports from other files, and dynamic imports of a fixed path. */
const IMPORT = /(?:\bfrom|\bimport\(?)\s*'(\.{1,2}\/[^']+)'/g

const sources = ['lib', 'dashboards', 'tasks'].flatMap(folder =>
  readdirSync(join(projectDir, folder), { recursive: true, encoding: 'utf8' })
    .filter(path => /\.[jt]s$/.test(path) && !path.startsWith('out/'))
    .map(path => `${folder}/${path}`),
)
const imports = new Map(
  sources.map(file => {
    const text = readFileSync(join(projectDir, file), 'utf8')
    return [file, [...text.matchAll(IMPORT)].map(([, path = '']) => join(dirname(file), path))]
  }),
)
const edges = [...imports].flatMap(([file, paths]) => paths.map(path => ({ file, path })))
const shown = ({ file, path }: { file: string; path: string }) => `${file} -> ${path}`

const layout = suite('imports')

layout('name files that exist', () => {
  assert(edges.length > 500)
  assert.deepEqual(edges.filter(({ path }) => !imports.has(path) && !path.endsWith('.json')).map(shown), [])
})

layout('ask for the runtime at six places', () => {
  const asked = [...imports].filter(([file]) => /\bruntimeOf\(/.test(readFileSync(join(projectDir, file), 'utf8')))
  const places = asked.map(([file]) => file).filter(file => file !== 'lib/lab/runtime.ts')
  assert(places.length <= 6, `a part asks its service instead of runtimeOf(): ${places.join(', ')}`)
})

layout('form no cycle, of types neither', () => {
  const done = new Set<string>()
  const visit = (file: string, way: readonly string[]): void => {
    assert(!way.includes(file), `import cycle: ${[...way.slice(way.indexOf(file)), file].join(' -> ')}`)
    if (done.has(file)) return
    for (const path of imports.get(file) ?? []) visit(path, [...way, file])
    done.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
})

layout('point downwards in lib', () => {
  const rank = (file: string) => order.findIndex(folder => file.startsWith(`lib/${folder}/`))
  const isInLib = ({ file, path }: { file: string; path: string }) => file.startsWith('lib/') && path.startsWith('lib/')
  assert.deepEqual(edges.filter(edge => isInLib(edge) && rank(edge.path) > rank(edge.file)).map(shown), [])
})

layout('lead from tasks to dashboards to lib', () => {
  const isUpwards = ({ file, path }: { file: string; path: string }) =>
    path.startsWith('tasks/') || (file.startsWith('lib/') && !path.startsWith('lib/'))
  assert.deepEqual(edges.filter(isUpwards).map(shown), [])
})

layout('each file of lib is in a folder of the order, under a name of its own', () => {
  const inLib = sources.filter(file => file.startsWith('lib/'))
  assert.deepEqual(
    inLib.filter(file => !order.some(folder => file.startsWith(`lib/${folder}/`))),
    [],
  )
  const names = inLib.map(file => basename(file))
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
})
layout.run()
