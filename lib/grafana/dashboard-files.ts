import { documentKind } from '../kube/document-kind.ts'
import { readSources, type SourceDocument, type SourceMemory, type Sources } from '../kube/source-documents.ts'
import { isFolder } from '../kube/source-files.ts'
import type { Dashboard } from './dashboard-model.ts'
import { classicDashboard, readDashboard } from './read-dashboard.ts'

/**
 * Reads the dashboards of paths (`readSources`). Paths that can't be read or have none are in `refused`. With a memory, a file that is
 * broken now has its last dashboards too.
 */
export function readDashboardFiles(paths: readonly string[], memory?: SourceMemory<Dashboard>): Sources<Dashboard> {
  const read = (document: SourceDocument) => skipReason(document) ?? readDashboard(document.value, document.source)
  return readSources(paths, { what: 'dashboard', read, memory })
}

/** Why a document is not read as a dashboard. */
function skipReason({ value, mayBeOther }: SourceDocument): string | undefined {
  const kind = documentKind(value)
  if (kind === undefined) return mayBeOther ? 'it is no dashboard' : undefined
  return kind.is === 'dashboard' ? undefined : `it is ${kind.what}`
}

/** Dashboards for Grafana's file provisioning. */
export interface ProvisionedDashboards {
  /** The text of each dashboard, by its path in a folder for Grafana. */
  texts: Map<string, string>
  /** The folder that already has exactly these texts, so that Grafana can read it; undefined where it needs a copy. */
  folder: string | undefined
  /** The dashboards that were converted or omitted, with the reason, one line each. */
  notes: string[]
}

/**
 * The dashboards of paths as classic JSON, the only form that Grafana loads from files. It omits other forms, such as the v2 schema or a
 * ConfigMap, with a line in its log.
 */
export function provisionedDashboards(paths: readonly string[]): ProvisionedDashboards {
  const texts = new Map<string, string>()
  const notes: string[] = []
  const uids = new Map<string, string>()
  const copied = new Map<string, number>()
  let isConverted = false
  const { refused } = readSources(paths, {
    what: 'dashboard',
    read(document) {
      const { source, name, file, value, fileText } = document
      const skip = skipReason(document)
      if (skip !== undefined) return skip
      const classic = classicDashboard(value, source)
      const isAsItIs = fileText !== undefined && classic.json === value
      const path = isAsItIs ? name : `${name.replace(/\.(json|ya?ml)$/, '').replace(/[^\w./-]+/g, '-')}.json`
      const free = texts.has(path) ? `${path.slice(0, -5)}-${texts.size}.json` : path
      texts.set(free, isAsItIs ? fileText : `${JSON.stringify(classic.json, null, 2)}\n`)
      const uid = classic.json['uid']
      if (typeof uid === 'string' && uid !== '') {
        const other = uids.get(uid)
        if (other === undefined) uids.set(uid, source)
        else notes.push(`${source} has the uid of ${other}, ${uid}: Grafana shows only one of them; change the uid`)
      }
      if (isAsItIs && free === name) return document
      isConverted = true
      const losses = classic.losses.map(each => `; ${each}`).join('')
      if (classic.json === value) copied.set(file, (copied.get(file) ?? 0) + 1)
      else notes.push(`${source} is converted for Grafana, which loads only classic dashboards from files${losses}`)
      return document
    },
  })
  for (const [file, count] of copied)
    notes.push(`${count} of ${file}: copied for Grafana, which loads each from a file`)
  notes.push(...refused.map(({ error }) => `${error.message}. It is left out of Grafana; ${error.next ?? ''}`))
  const [folder = ''] = paths
  const isThatFolder = paths.length === 1 && !isConverted && isFolder(folder)
  return { texts, folder: isThatFolder ? folder : undefined, notes }
}
