import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr, parseIp } from '@calico-node/model'
import { joinAnswer } from './join.ts'

test('joinAnswer() routes each family by its own gateway, which is a neighbour', () => {
  const routes = ['10.0.0.0/16', 'fd00::/64'].map(parseCidr)
  const gateways = ['169.254.1.2', 'fe80::ecee:eeff:feee:eeef'].map(parseIp)
  assert.deepEqual(joinAnswer('temp1', { prefix: 'cali', gateways, routes }), {
    InterfaceName: { SrcName: 'temp1', DstPrefix: 'cali' },
    Gateway: '169.254.1.2',
    GatewayIPv6: 'fe80::ecee:eeff:feee:eeef',
    StaticRoutes: [
      { Destination: '169.254.1.2/32', RouteType: 1, NextHop: '' },
      { Destination: 'fe80::ecee:eeff:feee:eeef/128', RouteType: 1, NextHop: '' },
      { Destination: '10.0.0.0/16', RouteType: 0, NextHop: '169.254.1.2' },
      { Destination: 'fd00::/64', RouteType: 0, NextHop: 'fe80::ecee:eeff:feee:eeef' },
    ],
  })
  assert.deepEqual(joinAnswer('temp1', { prefix: 'eth', gateways: gateways.slice(0, 1), routes }), {
    InterfaceName: { SrcName: 'temp1', DstPrefix: 'eth' },
    Gateway: '169.254.1.2',
    StaticRoutes: [
      { Destination: '169.254.1.2/32', RouteType: 1, NextHop: '' },
      { Destination: '10.0.0.0/16', RouteType: 0, NextHop: '169.254.1.2' },
    ],
  })
})
