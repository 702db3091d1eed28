import { join } from 'node:path'
import { projectDir } from '../system/project-dir.ts'

/** The trace store: Jaeger, or the Tempo of LGTM. Both the type and the uid of its datasource. */
export type TraceStore = 'jaeger' | 'tempo'

/** The tag of all dashboards, which the dashboard menu lists. */
export const TAG = 'kube-otel-lab'

/** The folder of generated dashboards and rules, the same for all labs of this clone; git-ignored. */
export const generatedDir = join(projectDir, 'dashboards', 'out')

/** The subfolder of `generatedDir` with the dashboards that link to a trace store. */
export function jsonFolder(store: TraceStore): string {
  return store === 'jaeger' ? 'json' : 'json-tempo'
}
