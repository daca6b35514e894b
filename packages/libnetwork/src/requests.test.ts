import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeContext } from './driver-fixture.test.ts'
import { ipamMethods } from './ipam-driver.ts'
import { networkMethods } from './network-driver.ts'

const NET = 'aaaaaaaaaaaa'
const DATA = { AddressSpace: 'CalicoLocalAddressSpace', Gateway: '0.0.0.0/0', Pool: '0.0.0.0/0' }
const pool = (id: string, cidr: string, gateway = '0.0.0.0/0'): object => ({
  PoolID: id,
  Pool: cidr,
  Data: { 'com.docker.network.gateway': gateway },
})

/** Method, request, and the answer or what the error says. */
type Row = [method: string, request: unknown, expected: object | RegExp]

const IPAM: Row[] = [
  ['Plugin.Activate', {}, { Implements: ['IpamDriver'] }],
  ['IpamDriver.GetCapabilities', {}, { RequiresMACAddress: false, RequiresRequestReplay: false }],
  [
    'IpamDriver.GetDefaultAddressSpaces',
    {},
    { LocalDefaultAddressSpace: 'CalicoLocalAddressSpace', GlobalDefaultAddressSpace: 'CalicoGlobalAddressSpace' },
  ],
  ['IpamDriver.RequestPool', {}, pool('CalicoPoolIPv4', '0.0.0.0/0')],
  ['IpamDriver.RequestPool', { Options: null, SubPool: '', Pool: '' }, pool('CalicoPoolIPv4', '0.0.0.0/0')],
  ['IpamDriver.RequestPool', { V6: true }, pool('CalicoPoolIPv6', '::/0', '::/0')],
  ['IpamDriver.RequestPool', { Pool: '10.0.0.0/29' }, pool('small', '10.0.0.0/29')],
  ['IpamDriver.RequestPool', { Pool: '10.0.0.0/24' }, /must be the CIDR of a configured Calico IP pool: see/],
  ['IpamDriver.RequestPool', { Pool: '10.9.0.0/24' }, /the pool off is disabled/],
  ['IpamDriver.RequestPool', { Pool: 'ten' }, /"ten"/],
  ['IpamDriver.RequestPool', { Pool: 7, V6: 'yes' }, /Cannot answer IpamDriver.RequestPool: Pool: want a text; V6: /],
  ['IpamDriver.RequestPool', { SubPool: '10.0.0.0/30' }, /does not support --ip-range/],
  ['IpamDriver.RequestPool', { Options: { a: 'b', c: 'd' } }, /does not support --ipam-opt a, c/],
  ['IpamDriver.RequestPool', [], /request: /],
  ['IpamDriver.ReleasePool', { PoolID: 'small' }, {}],
  ['IpamDriver.RequestAddress', {}, /PoolID: want a text/],
  ['IpamDriver.RequestAddress', { PoolID: 'small', Address: '10.0.0.3' }, { Address: '10.0.0.3/32', Data: {} }],
  ['IpamDriver.RequestAddress', { PoolID: 'small', Address: '10.0.0.3' }, /already assigned/],
  ['IpamDriver.RequestAddress', { PoolID: 'small', Address: '10.1.0.3' }, /not of the network's pool 10\.0\.0\.0\/29/],
  ['IpamDriver.RequestAddress', { PoolID: 'small', Address: 'ten' }, /"ten"/],
  ['IpamDriver.RequestAddress', { PoolID: 'gone' }, /gone/],
  [
    'IpamDriver.RequestAddress',
    { PoolID: 'small', Options: { RequestAddressType: 'com.docker.network.gateway' } },
    /does not support --gateway/,
  ],
  ['IpamDriver.ReleaseAddress', { PoolID: 'small', Address: '10.0.0.3' }, {}],
  ['IpamDriver.ReleaseAddress', { PoolID: 'small', Address: '10.0.0.3' }, {}],
  ['IpamDriver.ReleaseAddress', { PoolID: 'CalicoPoolIPv4', Address: '0.0.0.0' }, {}],
  ['IpamDriver.ReleaseAddress', { PoolID: 'CalicoPoolIPv6', Address: '::' }, {}],
]

const withOptions = (Options: object): object => ({ NetworkID: NET, Options, IPv4Data: [DATA] })
const NETWORK: Row[] = [
  ['Plugin.Activate', {}, { Implements: ['NetworkDriver'] }],
  ['NetworkDriver.GetCapabilities', {}, { Scope: 'local' }],
  ['NetworkDriver.CreateNetwork', {}, /NetworkID: want/],
  ['NetworkDriver.CreateNetwork', { NetworkID: '../../etc' }, /NetworkID: want an identifier of at least 11 letters/],
  ['NetworkDriver.CreateNetwork', { NetworkID: NET, IPv4Data: 'x' }, /IPv4Data: /],
  ['NetworkDriver.CreateNetwork', withOptions({ 'com.docker.network.generic': { a: 'b' } }), /the flag a$/],
  ['NetworkDriver.CreateNetwork', withOptions({ 'com.docker.network.internal': true }), /the flag --internal: write/],
  [
    'NetworkDriver.CreateNetwork',
    { NetworkID: NET, IPv4Data: [{ ...DATA, Gateway: '172.18.0.1/16' }] },
    /with --ipam-driver calico-ipam/,
  ],
  [
    'NetworkDriver.CreateNetwork',
    { NetworkID: NET, IPv4Data: [{ ...DATA, AuxAddresses: { a: '10.0.0.4' } }] },
    /does not support --aux-address: make an IPReservation/,
  ],
  ['NetworkDriver.CreateNetwork', withOptions({ 'com.docker.network.enable_ipv6': true }), {}],
  ['NetworkDriver.CreateNetwork', withOptions({ 'com.docker.network.internal': false }), {}],
  ['NetworkDriver.AllocateNetwork', {}, {}],
  ['NetworkDriver.FreeNetwork', {}, {}],
  ['NetworkDriver.CreateEndpoint', { NetworkID: NET }, /EndpointID: want a text/],
  ['NetworkDriver.CreateEndpoint', { NetworkID: NET, EndpointID: 'e0123456789' }, /it has no address/],
  [
    'NetworkDriver.CreateEndpoint',
    { NetworkID: NET, EndpointID: 'e0123456789', Options: { a: 'b' } },
    /does not support --driver-opt a/,
  ],
  [
    'NetworkDriver.CreateEndpoint',
    { NetworkID: NET, EndpointID: 'e0123456789', Interface: { Address: '10.0.0.2/32' } },
    /Cannot ask Docker on \/nonexistent/,
  ],
  ['NetworkDriver.EndpointOperInfo', { NetworkID: NET, EndpointID: 'e0123456789' }, { Value: {} }],
  ['NetworkDriver.Join', { EndpointID: 'e0123456789' }, /SandboxKey: want a text/],
  ['NetworkDriver.Join', { EndpointID: 'e0123456789', SandboxKey: '' }, /SandboxKey: want the path/],
  ['NetworkDriver.Join', { EndpointID: 'e0123456789', SandboxKey: '/x' }, /there is no endpoint e0123456789 on host1/],
  ['NetworkDriver.Leave', { EndpointID: 'x; reboot' }, /EndpointID: want an identifier/],
  ['NetworkDriver.DeleteEndpoint', { EndpointID: 7 }, /EndpointID: want a text/],
  ['NetworkDriver.DeleteNetwork', { NetworkID: NET }, {}],
  ['NetworkDriver.DeleteNetwork', { NetworkID: NET }, {}],
  ['NetworkDriver.DiscoverNew', {}, {}],
  ['NetworkDriver.DiscoverDelete', {}, {}],
  ['NetworkDriver.ProgramExternalConnectivity', {}, {}],
  ['NetworkDriver.RevokeExternalConnectivity', {}, {}],
]

test('every method of both drivers answers what fits and names what does not', async () => {
  const ctx = await makeContext()
  const nothing = (): void => undefined
  const drivers = [
    [ipamMethods(ctx), IPAM],
    [networkMethods(ctx, { onActivate: nothing, onEndpoint: nothing }), NETWORK],
  ] as const
  for (const [methods, rows] of drivers) {
    for (const [name, request, expected] of rows) {
      const serve = methods.get(name)
      assert.ok(serve, name)
      const what = `${name} ${JSON.stringify(request)}`
      if (expected instanceof RegExp) await assert.rejects(serve(request), { message: expected }, what)
      else assert.deepEqual(await serve(request), expected, what)
    }
    assert.deepEqual([...methods.keys()].toSorted(), [...new Set(rows.map(([name]) => name))].toSorted())
  }
})
