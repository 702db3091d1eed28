import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { dashboardKeys, shownTitles } from '../../../lib/grafana/dashboard-identity.ts'

const given = (source: string, uid: string, title = 'T') => ({ source, uid, title })

const keys = suite('dashboardKeys()')
keys('are the uids if these are plain and unique', () => {
  assert.deepEqual(
    [...dashboardKeys([given('a.json', 'lab-overview'), given('b.json', 'Ab_1')]).values()],
    ['lab-overview', 'Ab_1'],
  )
})

keys('are unique and plain for any uids and titles', () => {
  const long = 'x'.repeat(300)
  const all = [
    given('1.json', '', 'Übersicht'),
    given('2.json', '', '概要'),
    given('3.json', '', '状態'),
    given('4.json', '', ''),
    given('5.json', '', ''),
    given('6.json', 'same'),
    given('7.json', 'same'),
    given('8.json', 'SAME'),
    given('9.json', 'a b'),
    given('10.json', 'a/b'),
    given('11.json', '../../etc'),
    given('12.json', long),
    given('13.json', `${long}y`),
    given('14.json', '', 'same'),
  ]
  const made = [...dashboardKeys(all).values()]
  assert.equal(new Set(made.map(key => key.toLowerCase())).size, all.length, made.join())
  for (const key of made) assert.match(key, /^[\w-]{1,100}$/)
})

keys('do not depend on dashboards with another uid and title', () => {
  const one = given('1.json', '', 'Übersicht')
  const alone = dashboardKeys([one]).get('1.json')
  assert.equal(dashboardKeys([given('0.json', '', '概要'), one, given('2.json', 'u')]).get('1.json'), alone)
})

keys('give a uid to the dashboard that has it, in any order', () => {
  const all = dashboardKeys([given('1.json', '', 'etcd'), given('2.json', 'etcd')])
  assert.equal(all.get('2.json'), 'etcd')
})
keys.run()

const titles = suite('shownTitles()')
titles('are the titles, with the file if several are the same, or the file if there is no title', () => {
  const all = [
    given('a.json', '', 'One'),
    given('b.json', '', 'Two'),
    given('c.json', '', 'Two'),
    given('d.json', '', ''),
  ]
  assert.deepEqual([...shownTitles(all).values()], ['One', 'Two (b.json)', 'Two (c.json)', 'd.json'])
})
titles('have only the last part of the source where that is unique', () => {
  const all = [
    given('/far/away/list.yaml, ConfigMap monitoring/etcd, etcd.json', '', 'One'),
    given('dashboards/k8s-etcd', '', 'One'),
    given('a/b.json', '', 'Two'),
    given('c/b.json', '', 'Two'),
  ]
  const expected = ['One (etcd.json)', 'One (k8s-etcd)', 'Two (a/b.json)', 'Two (c/b.json)']
  assert.deepEqual([...shownTitles(all).values()], expected)
})
titles.run()
