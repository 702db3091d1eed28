import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { documentKind } from '../kube/document-kind.ts'
import { fields } from '../kube/json.ts'
import { readSources, type SourceDocument, type Sources } from '../kube/source-documents.ts'
import { durationMs } from '../promql/durations.ts'

const labels = v.optional(v.record(v.string(), v.unknown()), {})
/** YAML reads `1` as a number. */
const text = v.pipe(v.union([v.string(), v.number()]), v.transform(String))

/** The fields of a rule that the lab reads. promtool checks all of them. */
const ruleSchema = v.pipe(
  v.looseObject({
    record: v.exactOptional(text),
    alert: v.exactOptional(text),
    expr: text,
    for: v.optional(v.union([v.string(), v.number()])),
    labels,
    annotations: labels,
  }),
  v.check(
    ({ record, alert }) => (record === undefined) !== (alert === undefined),
    'it needs either "record" or "alert"',
  ),
)
const groupsSchema = v.array(v.looseObject({ name: text, rules: v.nullish(v.array(ruleSchema), []) }))

/** A rule of the user. */
export type UserRule = v.InferOutput<typeof ruleSchema>

/** A file of Prometheus rules, or an object with the same content. */
export interface RuleFile {
  /** Where it is, for a person: a file, and the object in it. */
  source: string
  /** The path of its file. */
  file: string
  /** A file name for it, different for each source. */
  fileName: string
  groups: readonly { name: string; rules: readonly UserRule[] }[]
  /** As Prometheus reads it. */
  text: string
}

/** Reads the rule files of paths (`readSources`): files of Prometheus, and PrometheusRule objects. */
export function readRuleFiles(paths: readonly string[]): Sources<RuleFile> {
  return readSources(paths, { what: 'rule file', read: readRuleFile })
}

/** All rules of files, each with its file, group and name. */
export function rulesOf(files: readonly RuleFile[]) {
  return files.flatMap(file =>
    file.groups.flatMap(group =>
      group.rules.map((rule, index) => ({
        file,
        group: group.name,
        index,
        name: rule.alert ?? rule.record ?? '',
        rule,
      })),
    ),
  )
}

/** The longest interval between samples that leaves no gaps in the lab's look-back (`lookbackMs`). */
const MOST_INTERVAL_MS = 30_000

/** Whether a group has an interval that is too long. Without one, it has that of Prometheus. */
function isLong(interval: unknown): boolean {
  return (durationMs(String(interval)) ?? 0) > MOST_INTERVAL_MS
}

function readRuleFile({ source, name, file, value, mayBeOther }: SourceDocument): RuleFile | string {
  const kind = documentKind(value)
  if (kind?.is !== 'rules') {
    if (kind !== undefined || mayBeOther) return kind === undefined ? 'it has no rules' : `it is ${kind.what}`
    throw new LabError(`${source} has no rules of Prometheus`, {
      why: 'it has no "groups"',
      next: 'name a rule file of Prometheus, or a PrometheusRule',
    })
  }
  const top = fields(value)
  const all = top['kind'] === 'PrometheusRule' ? fields(top['spec'])['groups'] : top['groups']
  const { success, output, issues } = v.safeParse(groupsSchema, all)
  if (!success) {
    const path = v.getDotPath(issues[0])
    const why = `${path === null ? 'groups' : `groups.${path}`}: ${issues[0].message}`
    throw new LabError(`${source} has no rules of Prometheus`, { why, next: 'correct that field' })
  }
  // A field of Thanos in PrometheusRule objects.
  const groups = output.map(({ partial_response_strategy: _, interval, ...group }) =>
    isLong(interval) ? group : { ...group, interval },
  )
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 8)
  const slug = name.replace(/\.(json|ya?ml|rules)$/, '').replace(/\W+/g, '-')
  return {
    source,
    file,
    fileName: `${slug.slice(-80)}-${hash}.yaml`,
    groups: output,
    text: `# ${source}\n${stringify({ groups }, { aliasDuplicateObjects: false, lineWidth: 0 })}`,
  }
}
