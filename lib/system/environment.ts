/**
 * The variables of the user's shell that every service gets. Not among them, on purpose: proxies and `NO_PROXY`, for services talk to each
 * other; `OTEL_*`, `ETCD_*`, `GF_*`, `JAEGER_*`, `KUBE*`, which are settings of the programs themselves; `GO*` and `NODE_OPTIONS`, which
 * change how they run; and `TZ`, the time zone in which the controller manager runs CronJobs.
 */
const serviceVariables: ReadonlySet<string> = new Set([
  // A script in the place of a program finds its commands.
  'PATH',
  // The standard libraries of Go and Node.js read them.
  'HOME',
  'USER',
  // Where the user has room for temporary files.
  'TMPDIR',
  // The encoding of text, again in scripts.
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
])

/** What says where kubectl, otelcol and docker are, and how docker reaches its engine. */
const toolVariables = /^(XDG_CACHE_HOME|XDG_RUNTIME_DIR|[A-Z0-9]+_BINARY|DOCKER_[A-Z0-9_]+|SSH_AUTH_SOCK)$/

/**
 * The part of the user's environment that a service gets, so that a lab is the same whatever the shell has set. One that runs kubectl,
 * otelcol or docker itself (`runsTools`) also gets what these are found by.
 */
export function serviceEnvironment(
  env: NodeJS.ProcessEnv,
  { runsTools = false }: { runsTools?: boolean } = {},
): NodeJS.ProcessEnv {
  const isPassed = (name: string) => serviceVariables.has(name) || (runsTools && toolVariables.test(name))
  return Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name)))
}

/** The variables by which programs find a proxy. */
export const proxyVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'].flatMap(name => [
  name.toUpperCase(),
  name,
])

/**
 * Excludes this machine from the user's proxies. Go does so by itself; Node.js, told by `NODE_USE_ENV_PROXY` to use proxies, does not. Its
 * fetch() reads the variable at each call.
 */
export function excludeLoopbackFromProxies(env: NodeJS.ProcessEnv): void {
  const excluded = env['no_proxy'] || env['NO_PROXY'] || ''
  if (excluded === '*') return
  const all = new Set([...excluded.split(/[\s,]+/).filter(host => host !== ''), 'localhost', '127.0.0.1'])
  env['no_proxy'] = env['NO_PROXY'] = [...all].join(',')
}
