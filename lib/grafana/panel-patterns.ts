import { fields, items, text } from '../kube/json.ts'
import { patternError } from '../promql/promql-regex.ts'
import type { Override, Panel } from './dashboard-model.ts'
import { variablesIn } from './interpolate.ts'
import { grafanaRegex } from './js-regex.ts'

/** A regular expression of a panel that Grafana evaluates, and its place. */
interface PlacedPattern {
  where: string
  pattern: string
  form?: 'plain'
}

/** The invalid regular expressions in a panel's overrides, value mappings, transformations and fields, as text. */
export function patternFaults(panel: Panel): string[] {
  return faultsOf(patternsOf(panel))
}

/** A panel without the overrides whose pattern is invalid: Grafana ignores them too. */
export function withoutBadOverrides(panel: Panel): Panel {
  const isUsable = ({ matcher }: Override) => faultsOf(matcherPatterns(matcher, 'an override')).length === 0
  return { ...panel, fieldConfig: { ...panel.fieldConfig, overrides: panel.fieldConfig.overrides.filter(isUsable) } }
}

function faultsOf(patterns: readonly PlacedPattern[]): string[] {
  return patterns.flatMap(({ where, pattern, form }) => {
    if (variablesIn(pattern).size > 0) return []
    const error = patternError(() => grafanaRegex(pattern, form))
    return error === undefined ? [] : [`the pattern ${pattern} of ${where} is not a JavaScript one: ${error.why}`]
  })
}

function patternsOf({ fieldConfig, transformations, options }: Panel): PlacedPattern[] {
  const { defaults, overrides } = fieldConfig
  return [
    ...mappingPatterns(defaults['mappings']),
    ...overrides.flatMap(({ matcher, properties }) => [
      ...matcherPatterns(matcher, 'an override'),
      ...mappingPatterns(properties['mappings']),
    ]),
    ...transformations.flatMap(({ id, options: given, disabled }) => {
      const where = `the transformation ${id}`
      return disabled ? [] : [...transformationPatterns(id, given, where), ...matchersIn(given, where)]
    }),
    ...slashed(fields(options['reduceOptions'])['fields'], 'the fields that are shown'),
  ]
}

function mappingPatterns(mappings: unknown): PlacedPattern[] {
  return items(mappings).flatMap(each => {
    const { type, options } = fields(each)
    return type === 'regex' ? one(fields(options)['pattern'], 'a value mapping') : []
  })
}

function matcherPatterns(matcher: unknown, where: string): PlacedPattern[] {
  const { id, options } = fields(matcher)
  if (id === 'byRegexp') return one(options, where)
  if (id === 'byRegexpOrNames') return one(fields(options)['pattern'], where)
  return id === 'byRefId' || id === 'byName' ? slashed(options, where) : []
}

function transformationPatterns(id: string, options: Record<string, unknown>, where: string): PlacedPattern[] {
  switch (id) {
    case 'renameByRegex':
      return one(options['regex'], where)
    case 'filterFieldsByName':
      return ['include', 'exclude'].flatMap(side => one(fields(options[side])['pattern'], where))
    case 'filterByRefId':
      return ['include', 'exclude'].flatMap(side => slashed(options[side], where))
    case 'filterByValue':
      return items(options['filters']).flatMap(each => {
        const config = fields(fields(each)['config'])
        if (config['id'] !== 'regex') return []
        return one(fields(config['options'])['value'], where).map(found => ({ ...found, form: 'plain' as const }))
      })
    default:
      return []
  }
}

/** Matchers of fields or frames in a transformation. */
function matchersIn(value: unknown, where: string): PlacedPattern[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(each => matchersIn(each, where))
  return [...matcherPatterns(value, where), ...inner]
}

function one(pattern: unknown, where: string): PlacedPattern[] {
  const given = text(pattern)
  return given === undefined || given === '' ? [] : [{ where, pattern: given }]
}

/** A text that is a pattern if it begins with a slash. */
function slashed(value: unknown, where: string): PlacedPattern[] {
  return one(value, where).filter(({ pattern }) => pattern.startsWith('/'))
}
