// Long on purpose: one arbitrary for each resource that BGP depends on.
import fc from 'fast-check'
import type { ScenarioInput } from './scenario.ts'

const opt = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined })
const asNumber = fc.integer({ min: 1, max: 4_294_967_295 })
const byte = fc.integer({ min: 0, max: 255 })
const host4 = fc.tuple(byte, fc.integer({ min: 1, max: 254 })).map(([c, d]) => `10.0.${c}.${d}`)
const host6 = fc.integer({ min: 1, max: 0xffff }).map((n) => `fd00::${n.toString(16)}`)
const resource = (kind: string) => (name: string, spec: unknown, labels?: Record<string, string>) => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata: { name, ...(labels && { labels }) },
  spec: JSON.parse(JSON.stringify(spec)) as unknown,
})

const community = fc.oneof(
  fc.tuple(fc.nat(65_535), fc.nat(65_535)).map((parts) => parts.join(':')),
  fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)).map((parts) => parts.join(':')),
)
const labels = fc.record({ role: fc.constantFrom('edge', 'core') })
const nodes = fc
  .uniqueArray(
    fc.record({
      v4: opt(host4),
      v6: opt(host6),
      as: opt(asNumber),
      cluster: opt(host4),
      labels,
    }),
    { maxLength: 8 },
  )
  .map((list) =>
    list.map(({ v4, v6, as, cluster, labels: set }, i) =>
      resource('Node')(
        `node${i}`,
        {
          bgp: {
            ipv4Address: i === 0 ? '10.0.0.1/16' : v4 && `${v4}/16`,
            ipv6Address: v6 && `${v6}/64`,
            asNumber: as ?? 64_512,
            routeReflectorClusterID: cluster,
          },
        },
        set,
      ),
    ),
  )
const net = (version: 4 | 6) =>
  version === 4
    ? fc
        .tuple(byte, fc.integer({ min: 8, max: 32 }))
        .map(([b, length]) => (length < 16 ? `10.0.0.0/${length}` : `10.${b}.0.0/${length}`))
    : fc
        .tuple(byte, fc.integer({ min: 16, max: 128 }))
        .map(([b, length]) => (length < 32 ? `fd00::/${length}` : `fd00:${b.toString(16)}::/${length}`))
const rule = (version: 4 | 6) =>
  fc
    .record({
      match: opt(
        fc.record({
          cidr: net(version),
          matchOperator: fc.constantFrom('Equal', 'NotEqual', 'In', 'NotIn'),
          prefixLength: opt(
            fc
              .tuple(fc.nat(version * 8 + (version === 6 ? 80 : 0)), fc.nat(version * 8))
              .map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
          ),
        }),
      ),
      source: opt(fc.constant('RemotePeers')),
      interface: opt(fc.constantFrom('eth*', 'a.b-c_d', '*x')),
      peerType: opt(fc.constantFrom('iBGP', 'eBGP')),
      communities: opt(fc.array(community, { maxLength: 2 }).map((values) => ({ values }))),
      asPathPrefix: opt(fc.array(asNumber, { maxLength: 3 })),
      priority: opt(fc.nat(0x7fff_ffff)),
      action: fc.constantFrom('Accept', 'Reject'),
      operations: fc.array(
        fc.oneof(
          community.map((value) => ({ addCommunity: { value } })),
          fc.array(asNumber, { minLength: 1, maxLength: 3 }).map((prefix) => ({ prependASPath: { prefix } })),
          fc.nat(0x7fff_ffff).map((value) => ({ setPriority: { value } })),
        ),
        { maxLength: 3 },
      ),
    })
    .map(({ match, operations, ...rest }) => ({ ...match, ...rest, ...(rest.action === 'Accept' && { operations }) }))
const rules = (version: 4 | 6) => fc.array(rule(version), { maxLength: 3 })
const filterNames = ['f', 'a.b-c', 'x'.repeat(45), 'y'.repeat(46), `z.${'w'.repeat(61)}-1`]
const filters = fc
  .record({ importV4: rules(4), exportV4: rules(4), importV6: rules(6), exportV6: rules(6) })
  .map((spec) => filterNames.map((name) => resource('BGPFilter')(name, spec)))
const remote = fc.oneof(
  fc.record({
    peerIP: fc.oneof(
      host4,
      host6,
      host4.map((ip) => `${ip}:1790`),
      host6.map((ip) => `[${ip}]:1790`),
    ),
    asNumber,
    keepOriginalNextHop: opt(fc.boolean()),
  }),
  fc.record({ peerSelector: fc.constantFrom('all()', "role == 'core'") }),
)
const local = fc.constantFrom({}, { node: 'node0' }, { node: 'node1' }, { nodeSelector: "role == 'edge'" })
const peers = fc
  .array(
    fc.tuple(
      remote,
      local,
      fc.record({
        localASNumber: opt(asNumber),
        numAllowedLocalASNumbers: opt(fc.nat(10)),
        ttlSecurity: opt(fc.nat(255)),
        maxRestartTime: opt(fc.integer({ min: 0, max: 9000 }).map((s) => `${s}s`)),
        keepaliveTime: opt(fc.integer({ min: 0, max: 90_000 }).map((s) => `${s}s`)),
        sourceAddress: opt(fc.constantFrom('UseNodeIP', 'None')),
        filters: fc.subarray(filterNames),
        reversePeering: opt(fc.constantFrom('Auto', 'Manual')),
        password: opt(fc.constant({ secretKeyRef: { name: 'bgp', key: 'pw' } })),
      }),
    ),
    { maxLength: 6 },
  )
  .map((list) => list.map(([to, from, rest], i) => resource('BGPPeer')(`peer${i}`, { ...to, ...from, ...rest })))
const pools = fc
  .uniqueArray(
    fc.record({
      n: byte,
      version: fc.constantFrom(4, 6),
      mode: fc.constantFrom({}, { vxlanMode: 'Always' }, { vxlanMode: 'CrossSubnet' }),
      off: opt(fc.boolean()),
    }),
    { maxLength: 5, selector: ({ n }) => n },
  )
  .map((list) =>
    list.map(({ n, version, mode, off }) =>
      resource('IPPool')(`pool${n}`, {
        cidr: version === 4 ? `10.${n}.0.0/16` : `fd00:${n.toString(16)}::/48`,
        ...mode,
        disableBGPExport: off,
      }),
    ),
  )
const configuration = fc
  .record({
    asNumber: opt(asNumber),
    listenPort: opt(fc.integer({ min: 1, max: 65_535 })),
    bindMode: opt(fc.constantFrom('None', 'NodeIP')),
    logSeverityScreen: opt(fc.constantFrom('Debug', 'Info', 'Warning')),
    ignoredInterfaces: opt(fc.array(fc.constantFrom('eth7', 'docker*'), { maxLength: 2 })),
    prefixAdvertisements: opt(
      fc.array(fc.record({ cidr: fc.oneof(net(4), net(6)), communities: fc.array(community, { maxLength: 3 }) }), {
        maxLength: 3,
      }),
    ),
    serviceClusterIPs: opt(fc.array(fc.record({ cidr: fc.oneof(net(4), net(6)) }), { maxLength: 2 })),
    serviceExternalIPs: opt(fc.array(fc.record({ cidr: fc.oneof(net(4), net(6)) }), { maxLength: 2 })),
    nodeMeshMaxRestartTime: opt(fc.nat(9000).map((s) => `${s}s`)),
    nodeMeshPassword: opt(fc.constant({ secretKeyRef: { name: 'bgp', key: 'pw' } })),
  })
  .map((spec) => [resource('BGPConfiguration')('default', spec)])
const blocks = fc
  .uniqueArray(
    fc.tuple(byte, fc.constantFrom(26, 32)).map(([n, length]) => `10.${n}.0.0/${length}`),
    { maxLength: 4 },
  )
  .map((list) => Object.fromEntries(list.map((cidr) => [cidr, 'confirmed'])))
/** A node with others around it: any valid combination of what BGP depends on. */
export const clusters: fc.Arbitrary<ScenarioInput> = fc
  .record({ nodes, filters, peers, pools, configuration, blocks, password: opt(fc.string({ maxLength: 90 })) })
  .map(({ blocks: own, password, ...resources }) => ({
    about: 'generated',
    node: 'node0',
    blocks: own,
    resources: Object.values(resources).flat(),
    ...(password !== undefined && { secrets: { 'bgp/pw': password } }),
  }))
