import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { goDuration } from '../cli/settings.ts'
import { fields, items, merged, nameOf, text } from '../kube/json.ts'
import { applyText, getCollection, kubectl } from '../lab/kubectl.ts'
import { ensureLabDirs, type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { lookbackMs } from '../prometheus/prometheus-config.ts'
import { randomPassword } from '../services/grafana-password.ts'
import { readYamlDocuments, yamlText } from '../system/yaml-files.ts'
import { inClusterNamespace, labNamespace } from './agreement.ts'
import { dashboardsOnNode, ownCluster } from './k3d-cluster.ts'
import { type ClusterPrometheusInput, clusterPrometheusConfig } from './k3d-prometheus.ts'

/** The maximum size of a ConfigMap in the API server. */
const CONFIG_MAP_BYTES = 2 ** 20

/** The ConfigMap of the rules. */
const RULES = 'lgtm-rules'

/** The prefix of the ConfigMaps of dashboards. */
const DASHBOARD = 'lgtm-dashboard-'
/** The key of a user's dashboard in its ConfigMap. */
const OWN_KEY = 'dashboard.json'

export interface LgtmInput extends ClusterPrometheusInput {
  /** The documents of k3d-config/lgtm.yaml. */
  base: readonly unknown[]
  image: string
  /** Files by path: `json-tempo/*.json`, the user's own `own/**.json`, `rules/*.yaml`, `provisioning/{datasources,dashboards}/kube-otel-lab.yaml`. */
  files: ReadonlyMap<string, string>
  /** Of the lab inside this cluster. */
  simulatedPods: number
  /** Grafana reads the dashboards from a folder of the nodes, not from ConfigMaps. */
  fromFolder: boolean
}

/** All objects of LGTM but the Secret, in the order of their creation: the namespace first. */
export function lgtmObjects(input: LgtmInput): Record<string, unknown>[] {
  const named = (folder: string, ending: string) =>
    [...input.files].flatMap(([path, content]) =>
      path.startsWith(folder) && path.endsWith(ending) ? [[path.slice(folder.length), content] as const] : [],
    )
  const provisioned = (kind: string) => input.files.get(`provisioning/${kind}/kube-otel-lab.yaml`) ?? ''
  const dashboards = input.fromFolder ? [] : named('json-tempo/', '.json')
  const settings = [
    configMap('lgtm-prometheus', { 'prometheus.yaml': clusterPrometheusConfig(input) }),
    configMap(RULES, Object.fromEntries(named('rules/', '.yaml'))),
    configMap('lgtm-provisioning', {
      'datasources.yaml': provisioned('datasources'),
      'dashboards.yaml': provisioned('dashboards'),
    }),
  ]
  // Grafana reloads changed dashboards. The other files are mounted one by one, and a pod sees only their content at its start.
  const mark = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16)
  const boards = dashboards.map(([name, content]) => {
    return configMap(`${DASHBOARD}${name.replace(/\.json$/, '').toLowerCase()}`, { [name]: content })
  })
  const sources = boards.map(board => ({ configMap: { name: fields(board['metadata'])['name'] } }))
  // A user's path can contain characters that the name of an object cannot.
  const own = named('own/', '.json').map(([path, content]) => {
    const name = `${DASHBOARD}own-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`
    return {
      board: configMap(name, { [OWN_KEY]: content }, path),
      source: { configMap: { name, items: [{ key: OWN_KEY, path }] } },
    }
  })
  const volumes = {
    dashboards: input.fromFolder
      ? { hostPath: { path: dashboardsOnNode, type: 'Directory' } }
      : { projected: { sources } },
    own: { projected: { sources: own.map(({ source }) => source) } },
  }
  const objects = input.base.map(fields)
  const isDeployment = (object: Record<string, unknown>) => object['kind'] === 'Deployment'
  const rest = objects.filter(object => !isDeployment(object))
  const deployments = objects.filter(isDeployment).map(object => deployment(object, { ...input, volumes, mark }))
  return [...rest, ...settings, ...boards, ...own.map(({ board }) => board), ...deployments]
}

/** Applies LGTM and returns the number of changed objects. It creates the password once. */
export async function applyLgtm(
  lab: Lab,
  { files, simulatedPods }: Pick<LgtmInput, 'files' | 'simulatedPods'>,
): Promise<number> {
  const read = (path: string) => readYamlDocuments(join(projectDir, path))
  const fromFolder = ownCluster(lab) !== undefined
  const objects = lgtmObjects({
    base: [...read('k3d-config/lgtm.yaml'), ...(fromFolder ? read('k3d-config/lgtm-host.yaml') : [])],
    image: imageOf(lab, 'lgtm'),
    prometheusBase: read('kwok-config/prometheus.yaml')[0],
    clusterName: lab.settings.clusterName,
    intervalMs: lab.settings.collectionInterval,
    insecureTls: lab.settings.kubeletInsecureTls,
    ...(await simulatedInput(lab)),
    simulatedPods,
    files,
    fromFolder,
  })
  ensureLabDirs(lab)
  writeFileAtomically(join(lab.configDir, 'lgtm.yaml'), yamlText(objects))
  const before = await resourceVersions(lab)
  const [namespace, ...others] = objects
  await applyText(lab, yamlText([namespace]))
  await ensurePassword(lab)
  await applyText(lab, yamlText(others))
  await deleteOldDashboards(lab, objects)
  const after = await resourceVersions(lab)
  return [...after].filter(([uid, version]) => before.get(uid) !== version).length
}

/**
 * Adds a rule file to those of LGTM, or without a text removes it. Prometheus loads it when the node's kubelet has it, which takes up to two
 * minutes. The next `applyLgtm` removes it too.
 */
export async function applyLgtmRules(lab: Lab, file: string, text?: string): Promise<void> {
  const rules = ['configmap', RULES, '-n', labNamespace]
  const { stdout } = await kubectl(lab, ['get', ...rules, '--ignore-not-found', '-o', 'jsonpath={.data}'])
  if (stdout === '' && text === undefined) return
  const { [file]: _, ...others } = fields(JSON.parse(stdout || '{}')) as Record<string, string>
  await applyText(lab, yamlText([configMap(RULES, text === undefined ? others : { ...others, [file]: text })]))
}

/** The password of Grafana's administrator; empty when the lab has created none. */
export async function lgtmPassword(lab: Lab): Promise<string> {
  const secret = ['secret', 'lgtm-admin', '-n', labNamespace, '--ignore-not-found']
  const { stdout } = await kubectl(lab, ['get', ...secret, '-o', 'jsonpath={.data.password}'])
  return Buffer.from(stdout, 'base64').toString()
}

/** The CA of the kubelets of the simulated nodes that the lab has in this cluster, and the scrape jobs of its chart; nothing when it has none. */
async function simulatedInput(lab: Lab): Promise<Pick<LgtmInput, 'simulatedCa' | 'moreJobs'>> {
  const read = async (object: string, path: string) => {
    const words = ['get', object, '-n', inClusterNamespace, '--ignore-not-found', '-o', `jsonpath={.data.${path}}`]
    return (await kubectl(lab, words)).stdout
  }
  const ca = await read('secret/collector-client', 'ca\\.crt')
  const jobs = fields(parse(await read('configmap/scrape-configs-all', 'scrape-configs\\.yaml')))
  return {
    simulatedCa: ca === '' ? undefined : Buffer.from(ca, 'base64').toString(),
    moreJobs: items(jobs['scrape_configs']),
  }
}

/** Creates the Secret with the administrator's password, from standard input, so that no argument list has it. */
async function ensurePassword(lab: Lab): Promise<void> {
  if ((await lgtmPassword(lab)) !== '') return
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata('lgtm-admin'),
    type: 'Opaque',
    stringData: { password: randomPassword() },
  }
  await applyText(lab, stringify(secret))
}

/** Deletes the ConfigMaps of removed dashboards, which Grafana would still show. */
async function deleteOldDashboards(lab: Lab, objects: readonly Record<string, unknown>[]): Promise<void> {
  const wanted = new Set(objects.map(nameOf))
  const { stdout } = await kubectl(lab, ['get', 'configmap', '-n', labNamespace, '-o', 'name'])
  const names = stdout.split('\n').map(line => line.replace('configmap/', ''))
  const old = names.filter(name => name.startsWith(DASHBOARD) && !wanted.has(name))
  if (old.length > 0) await kubectl(lab, ['delete', 'configmap', '-n', labNamespace, ...old])
}

/** A version of each object in the lab's namespace, by UID. For objects with a status it is the generation, which no controller changes. */
async function resourceVersions(lab: Lab): Promise<Map<unknown, unknown>> {
  const list = (api: string, kind: string) => getCollection(lab, `${api}/namespaces/${labNamespace}/${kind}`)
  const core = ['configmaps', 'services', 'serviceaccounts'].map(kind => list('/api/v1', kind))
  const objects = (await Promise.all([list('/apis/apps/v1', 'deployments'), ...core])).flat()
  const found = objects.map(({ metadata }) => fields(metadata))
  return new Map(found.map(({ uid, generation, resourceVersion }) => [uid, generation ?? resourceVersion]))
}

function deployment(
  object: Record<string, unknown>,
  given: Pick<LgtmInput, 'image' | 'intervalMs' | 'simulatedPods'> & {
    volumes: Readonly<Record<string, object>>
    mark: string
  },
): Record<string, unknown> {
  const pod = fields(fields(fields(object['spec'])['template'])['spec'])
  const lookback = `--query.lookback-delta=${goDuration(lookbackMs(given.intervalMs))}`
  const args = `${lookback} --enable-feature=auto-reload-config --config.auto-reload-interval=2s`
  // Prometheus and the collector of LGTM had 3.6 GB with 300 nodes and 3,000 pods. A change restarts LGTM, so it comes in steps.
  const memory = `${2 + Math.round(1.5 * (given.simulatedPods / 1_000))}Gi`
  const containers = items(pod['containers']).map(item => {
    const env = items(fields(item)['env']).map(fields)
    const filled = env.map(each => (each['name'] === 'PROMETHEUS_EXTRA_ARGS' ? { ...each, value: args } : each))
    return merged(item, { image: given.image, env: filled, resources: { limits: { memory } } })
  })
  const volumes = items(pod['volumes']).map(item => {
    const name = text(fields(item)['name']) ?? ''
    return name in given.volumes ? { name, ...given.volumes[name] } : item
  })
  const annotations = { 'kube-otel-lab/config': given.mark }
  return merged(object, { spec: { template: { metadata: { annotations }, spec: { containers, volumes } } } })
}

function configMap(
  name: string,
  data: Record<string, string>,
  what = Object.keys(data).join(', '),
): Record<string, unknown> {
  const bytes = Object.values(data).reduce((sum, each) => sum + Buffer.byteLength(each), 0)
  if (bytes > CONFIG_MAP_BYTES) {
    throw new LabError(`${what} is too large for a ConfigMap`, {
      why: `it has ${bytes} bytes, the maximum is ${CONFIG_MAP_BYTES}`,
      next: 'reduce its size, or remove it',
    })
  }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name), data }
}

function metadata(name: string): Record<string, unknown> {
  const labels = { 'app.kubernetes.io/name': 'lgtm', 'app.kubernetes.io/managed-by': 'kube-otel-lab' }
  return { name, namespace: labNamespace, labels }
}
