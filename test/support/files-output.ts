/** How one of several test files of a process ended. */
export interface FileRun {
  file: string
  output: string
  /** `undefined` when the process ended before the file did. */
  code: number | undefined
}

/** What the process writes before a file. */
export function startLine(file: string): string {
  return `\n\u0001file ${file}\n`
}

/** What it writes after a file. */
export function endLine(code: number): string {
  return `\n\u0001end ${code}\n`
}

/** Splits the output of a process by its files. */
export function readFileRuns(output: string): FileRun[] {
  return output
    .split('\n\u0001file ')
    .slice(1)
    .map(part => {
      const [file = '', ...lines] = part.split('\n')
      const [text = '', code] = lines.join('\n').split('\n\u0001end ')
      return { file, output: text, code: code === undefined ? undefined : Number.parseInt(code, 10) }
    })
}
