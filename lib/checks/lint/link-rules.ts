import type { Dashboard, Link } from '../../grafana/dashboard-model.ts'
import { variablesIn } from '../../promql/query-variables.ts'
import { type Fault, fault } from './finding.ts'

/** Faults of links: an unknown dashboard, a variable that it does not have, a tag without dashboards. */
export function linkFaults(links: readonly Link[], all: readonly Dashboard[]): Fault[] {
  return links.flatMap(link => (link.url === '' ? tagFaults(link, all) : urlFaults(link, all)))
}

function tagFaults({ title, tags }: Link, all: readonly Dashboard[]): Fault[] {
  if (tags.length === 0 || all.some(dashboard => tags.every(tag => dashboard.tags.includes(tag)))) return []
  return [fault('link', `the link "${title}" lists dashboards tagged ${tags.join(' and ')}, and there is none`)]
}

function urlFaults({ title, url }: Link, all: readonly Dashboard[]): Fault[] {
  const [, uid, query = ''] = /\/d(?:-solo)?\/([^/?#]+)[^?#]*(?:\?([^#]*))?/.exec(url) ?? []
  // Other links leave Grafana, or depend on a variable.
  if (uid === undefined || variablesIn(uid).length > 0) return []
  const target = all.find(dashboard => dashboard.uid === uid)
  if (target === undefined) {
    const uids = all.flatMap(dashboard => dashboard.uid || []).join(', ')
    return [
      fault(
        'link',
        `the link "${title}" leads to /d/${uid}, and there is no dashboard with that uid (there are ${uids})`,
      ),
    ]
  }
  const given = [...query.matchAll(/(?:^|&)var-([\w-]+)=/g)].map(([, name = '']) => name)
  return given
    .filter(name => !target.variables.some(variable => variable.name === name))
    .map(name => fault('link', `the link "${title}" sets the variable ${name}, which ${uid} does not have`))
}
