import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterLayer, type ConfigLayer, environmentLayer, fileLayer, resourceLayer } from './layers.ts'
import type { FelixConfig } from './params.ts'
import { resolveFelixConfig } from './resolve.ts'

const env = (vars: Record<string, string>): ConfigLayer => environmentLayer(vars)
const stored = (spec: Record<string, unknown>, annotations: Record<string, string> = {}): ConfigLayer =>
  resourceLayer('default', { metadata: { annotations }, spec })

describe('resolveFelixConfig()', () => {
  const accepted: [why: string, layers: ConfigLayer[], expected: Partial<FelixConfig>][] = [
    [
      'defaults apply when nobody says anything',
      [],
      { InterfacePrefix: ['cali'], ReportingInterval: 30_000, IpipEnabled: undefined },
    ],
    [
      'the environment wins over the file',
      [env({ FELIX_MAXIPSETSIZE: '5' }), fileLayer('f', 'MaxIpsetSize = 6')],
      { MaxIpsetSize: 5 },
    ],
    [
      'the file wins over resources',
      [fileLayer('f', '[global]\nMaxIpsetSize = 6'), stored({ maxIpsetSize: 7 })],
      { MaxIpsetSize: 6 },
    ],
    ['names have no case', [env({ felix_MaxIpsetSize: '5' })], { MaxIpsetSize: 5 }],
    [
      'an empty value says nothing',
      [env({ FELIX_MAXIPSETSIZE: '' }), stored({ maxIpsetSize: 7 })],
      { MaxIpsetSize: 7 },
    ],
    ['the first resource wins', [stored({ maxIpsetSize: 7 }), stored({ maxIpsetSize: 8 })], { MaxIpsetSize: 7 }],
    [
      'durations are seconds in the environment',
      [env({ FELIX_REPORTINGINTERVALSECS: '1.5' })],
      { ReportingInterval: 1500 },
    ],
    ['durations are Go text in resources', [stored({ reportingInterval: '1m30s' })], { ReportingInterval: 90_000 }],
    [
      'millisecond parameters are milliseconds',
      [env({ FELIX_IPTABLESLOCKPROBEINTERVALMILLIS: '20' })],
      { IptablesLockProbeInterval: 20 },
    ],
    [
      'none is the zero value',
      [env({ FELIX_REPORTINGINTERVALSECS: 'None', FELIX_METADATAADDR: 'none' })],
      { ReportingInterval: 0 },
    ],
    ['none empties a list', [env({ FELIX_FAILSAFEINBOUNDHOSTPORTS: 'none' })], { FailsafeInboundHostPorts: [] }],
    [
      'an empty list in a resource is empty',
      [stored({ failsafeInboundHostPorts: [] })],
      { FailsafeInboundHostPorts: [] },
    ],
    [
      'words have no case in text',
      [env({ FELIX_DEFAULTENDPOINTTOHOSTACTION: 'RETURN' })],
      { DefaultEndpointToHostAction: 'Return' },
    ],
    ['false in a resource is a value', [stored({ ipv6Support: false })], { Ipv6Support: false }],
    ['the odd name of IP-in-IP', [env({ FELIX_IPINIPENABLED: 'yes' })], { IpipEnabled: true }],
    [
      'annotations win over fields',
      [stored({ maxIpsetSize: 7 }, { 'config.projectcalico.org/MaxIpsetSize': '9' })],
      { MaxIpsetSize: 9 },
    ],
    [
      'resources cannot set local parameters',
      [stored({}, { 'config.projectcalico.org/FelixHostname': 'x' })],
      { FelixHostname: undefined },
    ],
    [
      'the cluster names itself',
      [clusterLayer({ spec: { clusterGUID: 'ab', datastoreReady: true } })],
      { ClusterGUID: 'ab' },
    ],
    ['masks are hexadecimal', [env({ FELIX_IPTABLESMARKMASK: '0xff00' })], { IptablesMarkMask: 0xff00 }],
    ['several interface prefixes', [env({ FELIX_INTERFACEPREFIX: 'cali,tap' })], { InterfacePrefix: ['cali', 'tap'] }],
  ]
  for (const [why, layers, expected] of accepted) {
    test(why, () => {
      const { config, warnings } = resolveFelixConfig(layers)
      for (const [key, value] of Object.entries(expected)) {
        assert.deepEqual(new Map<string, unknown>(Object.entries(config)).get(key), value)
      }
      assert.deepEqual(warnings, [])
    })
  }

  test('reads failsafe ports with networks of both families', () => {
    const { config } = resolveFelixConfig([
      env({ FELIX_FAILSAFEINBOUNDHOSTPORTS: '22, udp:10.1.2.3/8:68,tcp:[fd00::/8]:22' }),
    ])
    assert.deepEqual(config.FailsafeInboundHostPorts, [
      { protocol: 'tcp', port: 22 },
      { protocol: 'udp', port: 68, net: '10.0.0.0/8' },
      { protocol: 'tcp', port: 22, net: 'fd00::/8' },
    ])
    const { config: fromResource } = resolveFelixConfig([
      stored({
        failsafeInboundHostPorts: [
          { protocol: 'UDP', port: 68, net: '10.0.0.0/8' },
          { protocol: 'TCP', port: 22 },
        ],
      }),
    ])
    assert.deepEqual(fromResource.FailsafeInboundHostPorts, [
      { protocol: 'udp', port: 68, net: '10.0.0.0/8' },
      { protocol: 'tcp', port: 22 },
    ])
  })

  test('a bad value that is not fatal gives the default, whatever lower layers say, and a warning', () => {
    const { config, warnings } = resolveFelixConfig([
      env({ FELIX_MAXIPSETSIZE: 'many' }),
      stored({ maxIpsetSize: 7, routeRefreshInterval: 'soon' }),
    ])
    assert.equal(config.MaxIpsetSize, 1_048_576)
    assert.equal(config.RouteRefreshInterval, 90_000)
    assert.deepEqual(
      warnings.map(({ parameter, source, value }) => [parameter, source, value]),
      [
        ['MaxIpsetSize', 'environment', 'many'],
        ['RouteRefreshInterval', 'FelixConfiguration default', 'soon'],
      ],
    )
  })

  test('fatal values are reported all at once, with the others', () => {
    const layers = [env({ FELIX_CHAININSERTMODE: 'middle', FELIX_INTERFACEPREFIX: 'none', FELIX_MAXIPSETSIZE: '-1' })]
    assert.throws(
      () => resolveFelixConfig(layers),
      (err: Error) => {
        for (const part of ['ChainInsertMode=middle', 'InterfacePrefix=none', 'MaxIpsetSize=-1', 'environment']) {
          assert.ok(err.message.includes(part), `${part} in ${err.message}`)
        }
        return true
      },
    )
  })

  test('parameters without effect are told with the reason when they are set, unless to their default', () => {
    const { idle, config } = resolveFelixConfig([
      clusterLayer({ spec: { clusterGUID: 'ab' } }), // nobody chose that
      env({ FELIX_WIREGUARDENABLED: 'true', FELIX_METADATAPORT: '8775' }),
      stored({ nftablesMode: 'Enabled' }),
    ])
    assert.deepEqual(
      idle.map(({ parameter, source, why }) => [parameter, source, why.length > 0]),
      [
        ['NftablesMode', 'FelixConfiguration default', true],
        ['WireguardEnabled', 'environment', true],
      ],
    )
    assert.equal(config.WireguardEnabled, true)
  })

  test('names that nobody knows are told with their source', () => {
    const { unknown } = resolveFelixConfig([env({ FELIX_MAXIPSETSIZ: '5' }), stored({ bpfLogLevel: '', colour: true })])
    assert.deepEqual(unknown, [
      { name: 'maxipsetsiz', source: 'environment' },
      { name: 'colour', source: 'FelixConfiguration default' },
    ])
  })
})

describe('fileLayer()', () => {
  const accepted: [why: string, text: string, pairs: [string, string][]][] = [
    [
      'reads both separators',
      'a = 1\nB: 2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['skips sections, comments and blank lines', '[global]\n# a = 1\n; b = 2\n\nc=3', [['c', '3']]],
    ['keeps separators inside values', 'a = tcp:22,udp:68=x', [['a', 'tcp:22,udp:68=x']]],
    ['merges sections, the last one winning', '[a]\nx=1\n[b]\nx=2', [['x', '2']]],
  ]
  for (const [why, text, pairs] of accepted) test(why, () => assert.deepEqual([...fileLayer('f', text).text], pairs))
})
