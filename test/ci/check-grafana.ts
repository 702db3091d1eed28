/**
 * Ends with 0 when the Grafana at a URL has every dashboard of the lab, and the datasources of the given uids answer a query. For CI, where a
 * real Grafana runs.
 *
 *   tsx test/ci/check-grafana.ts http://127.0.0.1:3000 prometheus jaeger
 */
import { labDashboards } from '../../dashboards/index.ts'
import { checkGrafana } from './grafana.ts'

const [url = 'http://127.0.0.1:3000', ...datasources] = process.argv.slice(2)
const dashboards = labDashboards().map(({ name }) => name)
const problems = await checkGrafana(url, { dashboards, datasources })
for (const problem of problems) process.stderr.write(`${problem}\n`)
const asked = `${dashboards.length} dashboards and ${datasources.length} datasources asked for`
process.stdout.write(`${asked}, ${problems.length} problems\n`)
process.exitCode = problems.length === 0 ? 0 : 1
