/**
 * The first process of the stand-in for grafana/otel-lgtm: starts Prometheus and a collector as that image does, answers for the
 * parts that it has not (Grafana, Loki, Tempo) when asked whether they are ready, and makes /tmp/ready when all are. What a part logs is
 * seen where ENABLE_LOGS_<PART> or ENABLE_LOGS_ALL is true. Ends when one of the two ends.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const extra = (process.env['PROMETHEUS_EXTRA_ARGS'] ?? '').split(' ').filter(word => word !== '')
const commands = [
  [
    'PROMETHEUS',
    './prometheus/prometheus',
    '--web.enable-remote-write-receiver',
    '--web.enable-otlp-receiver',
    '--enable-feature=exemplar-storage',
    '--storage.tsdb.path=/data/prometheus',
    '--config.file=./prometheus.yaml',
    ...extra,
  ],
  ['OTELCOL', './otelcol-contrib/otelcol-contrib', '--config=file:./otelcol-config.yaml'],
]
for (const [part = '', command = '', ...args] of commands) {
  const isLogged = [`ENABLE_LOGS_${part}`, 'ENABLE_LOGS_ALL'].some(name => process.env[name] === 'true')
  const child = spawn(command, args, { stdio: isLogged ? 'inherit' : 'ignore' })
  child.once('error', error => end(`${command}: ${error.message}`, 1))
  child.once('exit', code => end(`${command} ended`, code ?? 1))
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end(signal, 0))
for (const port of [3000, 3100, 3200]) {
  createServer((request, response) => {
    const isAsked = request.url === '/api/health' || request.url === '/ready'
    response.writeHead(isAsked ? 200 : 404, { 'content-type': 'text/plain' })
    response.end(isAsked ? 'a stand-in\n' : 'not in the stand-in\n')
  }).listen(port, '0.0.0.0')
}
while (!(await answers('http://127.0.0.1:9090/-/ready', 200)) || !(await answers('http://127.0.0.1:4318/', 404))) {
  await sleep(200)
}
writeFileSync('/tmp/ready', '')
process.stdout.write('All parts are up\n')

async function answers(url: string, status: number): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
  return answer?.status === status
}

function end(why: string, code: number): void {
  process.stderr.write(`${why}\n`)
  process.exit(code)
}
