/**
 * What two kubelets say of the same node and pods, in a form that can be compared: the fields of their summaries, and the series of
 * their metrics. What tells one machine from another is made the same.
 */
import { fields, items, text } from '../../../lib/kube/json.ts'

/** What a simulated node's kubelet leaves out: pressure stall information, and the swap limit of cgroups that it has not. */
const LEFT_OUT = /psi|\bio\.|swapAvailableBytes/

/** The fields of a summary: of the node by the empty name, of each pod by `namespace/name`, of each container by its name after that. */
export function summaryFields(summary: unknown): Record<string, string[]> {
  const { node, pods } = fields(summary)
  const all: Record<string, string[]> = { '': fieldsOf(node) }
  for (const pod of items(pods).map(fields)) {
    const { namespace, name } = fields(pod['podRef'])
    const { containers, volume, ...own } = pod
    const where = `${text(namespace)}/${text(name)}`
    const volumes = items(volume).map(each => `volume ${text(fields(each)['name'])}: ${fieldsOf(each).join()}`)
    all[where] = [...fieldsOf(own), ...volumes.sort()]
    for (const each of items(containers)) all[`${where}/${text(fields(each)['name'])}`] = fieldsOf(each)
  }
  return all
}

/** Every field that there is in a value, whatever list it stands in, with the type of what it holds. */
function fieldsOf(value: unknown): string[] {
  const found = new Set<string>()
  const add = (part: unknown, path: string) => {
    if (Array.isArray(part)) for (const each of part) add(each, `${path}[]`)
    else if (typeof part !== 'object' || part === null) found.add(`${path}: ${typeof part}`)
    else for (const [key, each] of Object.entries(part)) add(each, path === '' ? key : `${path}.${key}`)
  }
  add(value, '')
  return [...found].filter(field => !LEFT_OUT.test(field)).sort()
}

/** The series of a metrics text by metric: the labels of each as text, sorted. */
export function seriesOf(exposition: string): Map<string, string[]> {
  const all = new Map<string, string[]>()
  for (const line of exposition.split('\n')) {
    const [, metric, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? \S+(?: \d+)?$/.exec(line) ?? []
    if (metric !== undefined) all.set(metric, [...(all.get(metric) ?? []), plain(labels)])
  }
  for (const series of all.values()) series.sort()
  return all
}

/** The names of the labels of each metric; the bounds of buckets with their values. */
export function labelNames(series: ReadonlyMap<string, string[]>): Map<string, string[]> {
  const namesOf = (labels: string) =>
    [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([label, name]) => (name === 'le' ? label : name)).join()
  return new Map([...series].map(([metric, all]) => [metric, [...new Set(all.map(namesOf))].sort()]))
}

/** Labels without the folder that a node's cgroups are in, and with one ID for all sandboxes. */
function plain(labels: string): string {
  const own = labels.replace(/\bid="\/[^/"]+\/kubepods/, 'id="/kubepods')
  if (!own.includes('container="",')) return own
  return own
    .replace(/(\/pod[^/"]+)\/[0-9a-f]{64}"/, '$1/<sandbox>"')
    .replace(/\bname="[0-9a-f]{64}"/, 'name="<sandbox>"')
}
