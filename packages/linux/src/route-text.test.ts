import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr, parseIp } from '@calico-node/model'
import { parseRoutes } from './ip-json.ts'
import type { Route } from './ports.ts'
import { asKernel, matchesKernel, removalWords, routeWords, sameSlot } from './route-text.ts'

const workload: Route = { dst: parseCidr('10.0.0.1/32'), kind: 'unicast', dev: 'cali1', scope: 'link', protocol: 3 }
const tunnel: Route = {
  dst: parseCidr('10.1.0.0/26'),
  kind: 'unicast',
  dev: 'vxlan.calico',
  via: parseIp('10.1.0.1'),
  onlink: true,
  scope: 'global',
  protocol: 80,
  src: parseIp('10.0.0.9'),
  mtu: 1400,
}
const block: Route = { dst: parseCidr('10.2.0.0/26'), kind: 'blackhole', scope: 'global', protocol: 80 }
const workload6: Route = { dst: parseCidr('fd00::1/128'), kind: 'unicast', dev: 'cali1', scope: 'link', protocol: 3 }
const block6: Route = { dst: parseCidr('fd00:1::/122'), kind: 'blackhole', scope: 'global', protocol: 80 }

const words: [route: Route, replace: string, remove: string, kernel: string][] = [
  [
    workload,
    '10.0.0.1/32 dev cali1 proto 3 scope link',
    '10.0.0.1/32 dev cali1 proto 3',
    '[{"type":"1","dst":"10.0.0.1","dev":"cali1","protocol":"3","scope":"253","flags":[]}]',
  ],
  [
    { ...workload, metric: 1024 },
    '10.0.0.1/32 dev cali1 proto 3 metric 1024 scope link',
    '10.0.0.1/32 dev cali1 proto 3 metric 1024',
    '[{"type":"1","dst":"10.0.0.1","dev":"cali1","protocol":"3","scope":"253","metric":1024,"flags":[]}]',
  ],
  [
    tunnel,
    '10.1.0.0/26 via 10.1.0.1 dev vxlan.calico proto 80 scope global src 10.0.0.9 onlink mtu 1400',
    '10.1.0.0/26 via 10.1.0.1 dev vxlan.calico proto 80',
    '[{"type":"1","dst":"10.1.0.0/26","gateway":"10.1.0.1","dev":"vxlan.calico","protocol":"80","scope":"0","prefsrc":"10.0.0.9","flags":["onlink"],"metrics":[{"mtu":1400}]}]',
  ],
  [
    block,
    'blackhole 10.2.0.0/26 proto 80',
    'blackhole 10.2.0.0/26 proto 80',
    '[{"type":"6","dst":"10.2.0.0/26","protocol":"80","scope":"0","flags":[]}]',
  ],
  [
    workload6,
    'fd00::1/128 dev cali1 proto 3 metric 1024',
    'fd00::1/128 dev cali1 proto 3 metric 1024',
    '[{"type":"1","dst":"fd00::1","dev":"cali1","protocol":"3","scope":"0","metric":1024,"flags":[],"pref":"medium"}]',
  ],
  [
    block6,
    'blackhole fd00:1::/122 proto 80 metric 1024',
    'blackhole fd00:1::/122 proto 80 metric 1024',
    '[{"type":"6","dst":"fd00:1::/122","dev":"lo","protocol":"80","scope":"0","metric":1024,"flags":[],"pref":"medium"}]',
  ],
]

describe('a route as words and as the kernel shows it', () => {
  for (const [route, replace, remove, json] of words) {
    test(replace, () => {
      const [kernel] = parseRoutes(json, route.dst.includes(':') ? 6 : 4)
      assert.ok(kernel)
      assert.equal(routeWords(route).join(' '), replace)
      assert.equal(removalWords(kernel).join(' '), remove)
      assert.ok(matchesKernel(route, kernel))
      assert.ok(matchesKernel(route, asKernel(route)))
    })
  }
})

describe('matchesKernel() sees a difference in', () => {
  const changes: [what: string, route: Route, change: Partial<Route>][] = [
    ['device', workload, { dev: 'cali2' }],
    ['protocol', workload, { protocol: 80 }],
    ['scope', workload, { scope: 'global' }],
    ['metric', workload, { metric: 5 }],
    ['gateway', tunnel, { via: parseIp('10.1.0.2') }],
    ['onlink', tunnel, { onlink: false }],
    ['MTU', tunnel, { mtu: 1450 }],
    ['source', tunnel, { src: parseIp('10.0.0.8') }],
    ['kind', workload, { kind: 'blackhole' }],
  ]
  for (const [what, route, change] of changes) {
    test(what, () => assert.ok(!matchesKernel({ ...route, ...change }, asKernel(route))))
  }
  test('IPv6 metric, of which an absent one means 1024', () => {
    assert.ok(sameSlot(workload6, asKernel({ ...workload6, metric: 1024 })))
    assert.ok(!sameSlot(workload6, asKernel({ ...workload6, metric: 512 })))
  })
})

test('parseRoutes() reads defaults, several next hops, and gateways of the other family', () => {
  const json = `[{"type":"1","dst":"default","gateway":"192.0.2.1","dev":"eth0","protocol":"3","scope":"0","flags":[]},
    {"type":"1","dst":"10.9.0.0/24","protocol":"3","scope":"0","flags":[],"nexthops":[{"gateway":"192.0.2.2","dev":"eth0"}]},
    {"type":"1","dst":"10.8.0.0/24","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","protocol":"12","scope":"0","flags":[]}]`
  const routes = parseRoutes(json, 4)
  assert.deepEqual(
    routes.map(({ dst, via, multipath }) => [dst, via, multipath]),
    [
      ['0.0.0.0/0', '192.0.2.1', false],
      ['10.9.0.0/24', undefined, true],
      ['10.8.0.0/24', 'fe80::1', false],
    ],
  )
})
