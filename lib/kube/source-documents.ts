import { readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import type { TransformFailure } from 'esbuild'
import { failedPart, LabError, messageOf, systemErrorCode } from '../cli/errors.ts'
import { parseYaml, regularFileText } from '../system/yaml-files.ts'
import { fields, text } from './json.ts'
import { filesOf, type SourceFile, type SourceKind, STDIN, stampOf } from './source-files.ts'

/** One document of the user's files, taken out of the Kubernetes objects around it. */
export interface SourceDocument {
  /** Where it is, unique: `mine/all.yaml, ConfigMap monitoring/boards, nodes.json`. */
  source: string
  /** The same as a relative path, from the folder that was named: `all.yaml/boards/nodes.json`. */
  name: string
  /** The path of its file; `-` for standard input. */
  file: string
  value: unknown
  /** The text of its file, where it is JSON and the document is all of it. */
  fileText?: string
  /** Nothing says that it is what the user wants: it is in an object, or in a YAML file of a folder. */
  mayBeOther: boolean
}

/** A file, or a part of one, that can't be read or used, and the reason. */
export interface RefusedFile {
  source: string
  error: LabError
}

/** A document that is something else, and the reason. */
export interface SkippedDocument {
  source: string
  reason: string
}

/** What was read from the user's files. */
export interface Sources<T> {
  found: readonly T[]
  refused: readonly RefusedFile[]
  skipped: readonly SkippedDocument[]
}

/** What each file had when it was last read, by path, and its state then. */
export type SourceMemory<T> = Map<string, { stamp: string; result: Sources<T> }>

export interface SourceOptions<T> {
  what: SourceKind
  /** Reads one document. Returns the reason to skip it as a text; throws a LabError when it is wrong. */
  read: (document: SourceDocument) => T | string
  /** Keeps what a file had while it is unchanged or broken. */
  memory?: SourceMemory<T> | undefined
}

/** Parsing YAML takes a second for each megabyte. */
const MOST_YAML = 10 * 2 ** 20
const MOST_STDIN = 50 * 2 ** 20
/** Dashboards have some 20 levels. Thousands exceed the stack of the functions that read them. */
const MOST_LEVELS = 500

/**
 * Reads dashboards or rule files from paths: each a file, a folder with its subfolders, a pattern (`*`, `?`, `**`, `[ab]`, `{a,b}`), or
 * `-` for standard input. A file holds one or more documents in JSON or YAML, also in a Kubernetes List, a ConfigMap or a
 * GrafanaDashboard. A file of several paths is read once.
 *
 * Paths that can't be read or have nothing of the kind are in `refused`.
 */
export function readSources<T extends { source: string }>(
  paths: readonly string[],
  options: SourceOptions<T>,
): Sources<T> {
  const seen = new Set<string>()
  return joined(
    paths.map(path => {
      try {
        return readPath(path, seen, options)
      } catch (error) {
        return refusal(path, error)
      }
    }),
  )
}

function readPath<T extends { source: string }>(
  path: string,
  seen: Set<string>,
  options: SourceOptions<T>,
): Sources<T> {
  const files = filesOf(path, options.what)
  const unread = files.filter(file => !seen.has(file.path))
  for (const file of unread) seen.add(file.path)
  const all = joined(unread.map(file => readOrKeep(file, options)))
  if (unread.length < files.length || all.found.length + all.refused.length > 0) return all
  const others = [...new Set(all.skipped.map(({ reason }) => reason))].slice(0, 3)
  throw new LabError(`There is no ${options.what} at ${path}`, {
    why: others.length > 0 ? others.join(', ') : files.length > 0 ? 'it is empty' : undefined,
    next: `name a file, a folder with some, or a pattern in quotes such as "mine/*.${options.what === 'dashboard' ? 'json' : 'yaml'}"`,
  })
}

/** A broken file, or a broken part of one, keeps what it had before, where that is known. */
function readOrKeep<T extends { source: string }>(file: SourceFile, options: SourceOptions<T>): Sources<T> {
  const { memory } = options
  if (memory === undefined) return readFile(file, options)
  const before = memory.get(file.path)
  const stamp = stampOf(file.path)
  if (before?.stamp === stamp) return before.result
  const now = readFile(file, options)
  const isBroken = (source: string) => now.refused.some(each => each.source === source || each.source === file.path)
  const kept = before?.result.found.filter(({ source }) => isBroken(source)) ?? []
  const result = { ...now, found: [...now.found, ...kept] }
  memory.set(file.path, { stamp, result })
  return result
}

function readFile<T>(file: SourceFile, { what, read }: SourceOptions<T>): Sources<T> {
  let documents: Sources<SourceDocument>
  try {
    documents = fileDocuments(file, what)
  } catch (error) {
    return refusal(file.path, error)
  }
  return joined([
    { found: [], refused: documents.refused, skipped: documents.skipped },
    ...documents.found.map((document): Sources<T> => {
      try {
        const value = read(document)
        if (typeof value !== 'string') return { found: [value], refused: [], skipped: [] }
        return { found: [], refused: [], skipped: [{ source: document.source, reason: value }] }
      } catch (error) {
        return refusal(document.source, error)
      }
    }),
  ])
}

function refusal(source: string, error: unknown): Sources<never> {
  const { what, next } = failedPart(error)
  const refused = error instanceof LabError ? error : new LabError(source, { why: what, next, cause: error })
  return { found: [], refused: [{ source, error: refused }], skipped: [] }
}

function joined<T>(all: readonly Sources<T>[]): Sources<T> {
  return {
    found: all.flatMap(({ found }) => found),
    refused: all.flatMap(({ refused }) => refused),
    skipped: all.flatMap(({ skipped }) => skipped),
  }
}

/** The documents of one file. Throws a LabError when it can't be read. */
function fileDocuments(file: SourceFile, what: SourceKind): Sources<SourceDocument> {
  const content = contentOf(file.path)
  const isJson = /^\s*[{[]/.test(content) || file.path.endsWith('.json')
  const values = isJson ? [parseJson(content, file.path)] : parseYaml(content, file.path).filter(each => each !== null)
  const all = { found: [] as SourceDocument[], refused: [] as RefusedFile[], skipped: [] as SkippedDocument[] }
  const sources = new Map<string, number>()
  for (const [index, value] of values.entries()) {
    const document = values.length > 1 && fields(value)['kind'] === undefined ? [`document ${index + 1}`] : []
    unwrap(value, document)
  }
  const [only] = all.found
  if (isJson && only?.value === values[0] && only !== undefined) only.fileText = content
  return all

  function sourceOf(parts: readonly string[]): string {
    const source = [file.path === STDIN ? 'standard input' : file.path, ...parts].join(', ')
    const count = (sources.get(source) ?? 0) + 1
    sources.set(source, count)
    return count === 1 ? source : `${source} (${count})`
  }

  function unwrap(value: unknown, parts: readonly string[], isInList = false): void {
    const object = fields(value)
    const [kind, version] = [text(object['kind']) ?? '', text(object['apiVersion'])]
    if (version !== undefined && kind.endsWith('List') && Array.isArray(object['items'])) {
      // Answers of the API name the kind of the items only in the list.
      const common = kind === 'List' ? {} : { apiVersion: version, kind: kind.slice(0, -'List'.length) }
      for (const item of object['items']) unwrap({ ...common, ...fields(item) }, parts, true)
      return
    }
    const { name, namespace } = fields(object['metadata'])
    const named = version === undefined ? parts : [...parts, `${kind} ${[namespace, name].filter(Boolean).join('/')}`]
    // The file alone names a document that is all of it.
    const isAlone = parts.length === 0 && values.length === 1 && !isInList
    if (kind === 'ConfigMap') unwrapConfigMap(fields(object['data']), named)
    else if (kind === 'GrafanaDashboard') unwrapGrafanaDashboard(fields(object['spec']), named)
    else add(value, isAlone ? parts : named, isInList || parts.length > 0 || (!isJson && !file.isNamed))
  }

  function unwrapConfigMap(data: Record<string, unknown>, parts: readonly string[]): void {
    for (const [key, content] of Object.entries(data)) {
      if (typeof content !== 'string') continue
      const isJsonKey = key.endsWith('.json')
      if (!isJsonKey && !/\.(ya?ml|rules)$/.test(key)) continue
      const inside = [...parts, key]
      orRefuse(inside, isJsonKey === (what === 'dashboard'), () => {
        const place = [file.path, ...inside].join(', ')
        const documents = isJsonKey ? [parseJson(content, place)] : parseYaml(content, place)
        for (const each of documents) if (each !== null) add(each, inside, true)
      })
    }
  }

  /** https://grafana.github.io/grafana-operator/docs/dashboards/ */
  function unwrapGrafanaDashboard(spec: Record<string, unknown>, parts: readonly string[]): void {
    const [json, gzipped] = [text(spec['json']), text(spec['gzipJson'])]
    orRefuse(parts, true, () => {
      if (json !== undefined) return add(parseJson(json, [file.path, ...parts].join(', ')), parts, true)
      if (gzipped !== undefined) {
        const unzipped = gunzipSync(Buffer.from(gzipped, 'base64'), { maxOutputLength: MOST_YAML }).toString()
        return add(parseJson(unzipped, [file.path, ...parts].join(', ')), parts, true)
      }
      const from = ['url', 'grafanaCom', 'configMapRef', 'jsonnet', 'jsonnetLib'].find(name => spec[name] !== undefined)
      const reason =
        from === undefined ? 'it has no spec.json' : `its dashboard is at spec.${from}, which the lab does not fetch`
      all.skipped.push({ source: sourceOf(parts), reason })
    })
  }

  function add(value: unknown, parts: readonly string[], mayBeOther: boolean): void {
    const name = [file.name, ...parts.map(part => part.split(/[ /]/).at(-1) ?? part)].join('/')
    all.found.push({ source: sourceOf(parts), name, file: file.path, value, mayBeOther })
  }

  /** Refuses a part that can't be parsed, or skips it where it is hardly what the user wants. */
  function orRefuse(parts: readonly string[], isWanted: boolean, act: () => void): void {
    try {
      act()
    } catch (error) {
      const { refused } = refusal(sourceOf(parts), error)
      if (isWanted) all.refused.push(...refused)
      else all.skipped.push(...refused.map(({ source }) => ({ source, reason: 'it can’t be parsed' })))
    }
  }
}

let stdin: string | undefined

/** The text of a file without its byte order mark. */
function contentOf(path: string): string {
  try {
    if (path === STDIN) {
      stdin ??= standardInput()
      return stdin.replace(/^\uFEFF/, '')
    }
    return regularFileText(path, path.endsWith('.json') ? undefined : MOST_YAML).replace(/^\uFEFF/, '')
  } catch (error) {
    const why = messageOf(error)
    throw new LabError(`Cannot read ${path === STDIN ? 'standard input' : path}`, {
      why,
      next: 'name a smaller file, or one that you may read',
      cause: error,
    })
  }
}

/** All of standard input. Another process may have made its pipe non-blocking, so that reading it fails while there is nothing to read. */
function standardInput(): string {
  const chunks: Buffer[] = []
  const buffer = Buffer.alloc(65_536)
  for (let size = 0; size <= MOST_STDIN; ) {
    try {
      const length = readSync(0, buffer)
      if (length === 0) return Buffer.concat(chunks).toString()
      chunks.push(Buffer.from(buffer.subarray(0, length)))
      size += length
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
  throw new Error(`it has more than ${MOST_STDIN / 2 ** 20} MiB`)
}

function parseJson(json: string, place: string): unknown {
  if (isTooDeep(json)) {
    const why = `its JSON is nested deeper than ${MOST_LEVELS} levels`
    throw new LabError(`Cannot read ${place}`, { why, next: 'name a file that Grafana’s "Export as JSON" wrote' })
  }
  try {
    return JSON.parse(json)
  } catch (error) {
    const fault = jsonFault(json)
    const where = fault === undefined ? '' : `, line ${fault.line}, column ${fault.column}`
    const why = json.trim() === '' ? 'the file is empty' : (fault?.why ?? messageOf(error))
    const next = 'correct the file, or export it again'
    throw new LabError(`${place}${where}: this is no JSON`, { why, next, cause: error })
  }
}

/**
 * The reason, line and column (from 1) of the first syntax error in JSON, by esbuild; undefined for valid JSON. The errors of Node.js have a
 * position only in some cases.
 */
export function jsonFault(json: string): { why: string | undefined; line: number; column: number } | undefined {
  try {
    // Loading esbuild takes a tenth of a second.
    const { transformSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
    transformSync(json, { loader: 'json', logLevel: 'silent' })
  } catch (error) {
    const [first] = (error as Partial<TransformFailure>).errors ?? []
    if (!first?.location) return undefined
    const { line, column, lineText } = first.location
    // Its column is in bytes.
    // Of some errors it only repeats the text.
    const why = first.text.startsWith('JSON ') || first.text.startsWith('Expected') ? first.text : undefined
    return { why, line, column: Buffer.from(lineText).subarray(0, column).toString().length + 1 }
  }
  return undefined
}

function isTooDeep(json: string): boolean {
  let [depth, isInString] = [0, false]
  for (let at = 0; at < json.length && depth <= MOST_LEVELS; at++) {
    const char = json[at]
    if (char === '"') isInString = !isInString
    else if (isInString) at += char === '\\' ? 1 : 0
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
  }
  return depth > MOST_LEVELS
}

/** More documents than these are counted, with the name of the first. */
const MOST_NAMED = 3

/** Documents that were skipped, a line for each reason. */
export function skippedLines(skipped: readonly SkippedDocument[]): string[] {
  const byReason = new Map<string, string[]>()
  for (const { source, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), source])
  return [...byReason].map(([reason, sources]) => {
    const named = sources.length > MOST_NAMED ? [sources[0], `and ${sources.length - 1} more`] : sources
    return `Skipped, ${reason}: ${named.join('; ')}`
  })
}
