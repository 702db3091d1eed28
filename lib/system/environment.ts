/**
 * The variables of the user's shell that every service gets. These are left out on purpose: proxies and `NO_PROXY`, because services talk
 * to each other; `OTEL_*`, `ETCD_*`, `GF_*`, `JAEGER_*` and `KUBE*`, which configure the programs themselves; `GO*` and `NODE_OPTIONS`,
 * which change how they run; and `TZ`, the time zone in which the controller manager runs CronJobs.
 */
const serviceVariables: ReadonlySet<string> = new Set([
  // For a script that takes the place of a program.
  'PATH',
  // The standard libraries of Go and Node.js read them.
  'HOME',
  'USER',
  // The folder of temporary files.
  'TMPDIR',
  // The encoding of text in scripts.
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
])

/** Variables that locate kubectl, otelcol and docker, and the Docker engine. */
const toolVariables = /^(XDG_CACHE_HOME|XDG_RUNTIME_DIR|[A-Z0-9]+_BINARY|DOCKER_[A-Z0-9_]+|SSH_AUTH_SOCK)$/

/**
 * The part of the user's environment that a service gets, so that the user's shell does not change a lab. A service that runs kubectl,
 * otelcol or docker (`runsTools`) also gets the variables that locate them.
 */
export function serviceEnvironment(
  env: NodeJS.ProcessEnv,
  { runsTools = false }: { runsTools?: boolean } = {},
): NodeJS.ProcessEnv {
  const isPassed = (name: string) => serviceVariables.has(name) || (runsTools && toolVariables.test(name))
  return Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name)))
}

/** The variables that configure a proxy. */
export const proxyVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'].flatMap(name => [
  name.toUpperCase(),
  name,
])

/**
 * Excludes this machine from the user's proxies. Go programs do this by themselves; Node.js with `NODE_USE_ENV_PROXY` does not. fetch()
 * reads the variable at each call.
 */
export function excludeLoopbackFromProxies(env: NodeJS.ProcessEnv): void {
  const excluded = env['no_proxy'] || env['NO_PROXY'] || ''
  if (excluded === '*') return
  const all = new Set([...excluded.split(/[\s,]+/).filter(host => host !== ''), 'localhost', '127.0.0.1'])
  env['no_proxy'] = env['NO_PROXY'] = [...all].join(',')
}
