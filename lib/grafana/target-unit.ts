import { PatternError } from '../cli/errors.ts'
import { patternError } from '../promql/promql-regex.ts'
import type { Override, Panel, Target } from './dashboard-model.ts'
import { matchingNames } from './js-regex.ts'

/**
 * The unit of a target's values, as far as the JSON decides it: by an override of the query, of the column's name
 * (also renamed) or of a legend without labels; else the panel's. Empty without a unit.
 *
 * Throws a PatternError for an override whose pattern takes too long.
 */
export function unitOfTarget(panel: Panel, target: Target): string {
  const names = fieldNames(panel, target)
  let unit = panel.unit
  // The last one that matches wins.
  for (const override of panel.fieldConfig.overrides) {
    const own = override.properties['unit']
    if (typeof own === 'string' && matches(override, { panel, target, names })) unit = own
  }
  return unit
}

/** Grafana's name of the field with a target's values: its legend, or `Value #A`, until a transformation renames it. */
function fieldNames(panel: Panel, target: Target): string[] {
  const plainLegend = target.legendFormat !== '' && !/\{\{|\$|\[\[/.test(target.legendFormat)
  const table = target.format === 'table' || panel.transformations.length > 0
  const names = [...(plainLegend ? [target.legendFormat] : []), ...(table ? [`Value #${target.refId}`, 'Value'] : [])]
  if (table && panel.targets.length > 1) names.splice(names.indexOf('Value'), 1)
  for (const { id, options, disabled } of panel.transformations) {
    if (id !== 'organize' || disabled) continue
    const renamed = options['renameByName']
    if (typeof renamed !== 'object' || renamed === null) continue
    for (const [from, to] of Object.entries(renamed)) {
      if (names.includes(from) && typeof to === 'string' && to !== '') names.push(to)
    }
  }
  return names
}

function matches(
  override: Override,
  { panel, target, names }: { panel: Panel; target: Target; names: readonly string[] },
): boolean {
  const { id, options } = override.matcher
  if (id === 'byFrameRefID') return options === target.refId
  if (id === 'byType') return options === 'number'
  if (typeof options === 'string' && id === 'byName') return names.includes(options)
  if (typeof options === 'string' && id === 'byRegexp') {
    const matched = matchedOf(override, () =>
      matchingNames(
        options,
        panel.targets.flatMap(each => fieldNames(panel, each)),
      ),
    )
    return names.some(name => matched.has(name))
  }
  return false
}

const found = new WeakMap<Override, ReadonlySet<string> | PatternError>()

/** The fields that an override by pattern matches, or its time-out; computed once for all targets. */
function matchedOf(override: Override, match: () => ReadonlySet<string>): ReadonlySet<string> {
  let matched = found.get(override)
  if (matched === undefined) {
    let names: ReadonlySet<string> = new Set()
    const late = patternError(() => {
      names = match()
    })
    matched = late ?? names
    found.set(override, matched)
  }
  if (matched instanceof PatternError) throw matched
  return matched
}
