import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseConfigure } from './configure.ts'
import { parseProtocolDetails, parseProtocols } from './protocols.ts'
import { ReplyParser, type Reply } from './reply.ts'
import { parseRoutes } from './routes.ts'
import { parseStatus } from './status.ts'

const answer = (text: string): readonly Reply[] => new ReplyParser().feed(text)[0] ?? assert.fail('no complete answer')

const PROTOCOLS = `2002-name     proto    table    state  since       info
1002-kernel1  Kernel   master   up     18:34:53    
 device1  Device   master   up     2026-11-20  
 Mesh_10_0_0_2 BGP      master   up     18:34:53    Established   
 Global_10_0_0_3_port_180 BGP      master   start  2026-11-25 18:34:52    Connect       Socket: No route to host
0000 
`

describe('ReplyParser', () => {
  test('keeps the code on continuation lines and drops echoed log lines', () => {
    assert.deepEqual(answer('1000-BIRD 1.6.8\n1011-Router ID is 1.1.1.1\n and more\n+a log line\n0013 up\n'), [
      { code: 1000, text: 'BIRD 1.6.8' },
      { code: 1011, text: 'Router ID is 1.1.1.1' },
      { code: 1011, text: 'and more' },
      { code: 13, text: 'up' },
    ])
  })

  test('gives the same answers however the bytes are cut', () => {
    const text = `0001 BIRD 1.6.8 ready.\n${PROTOCOLS}0003 Reconfigured\n`
    const whole = new ReplyParser().feed(text)
    assert.equal(whole.length, 3)
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const parser = new ReplyParser()
        const ends = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const pieces = ends.slice(1).map((end, i) => text.slice(ends[i], end))
        assert.deepEqual(
          pieces.flatMap((piece) => parser.feed(piece)),
          whole,
        )
      }),
    )
  })

  test('refuses text that is not its protocol', () => {
    assert.throws(() => new ReplyParser().feed('HTTP/1.1 400 Bad Request\n'), { code: 'INVALID' })
    assert.throws(() => new ReplyParser().feed(' continues nothing\n'), { code: 'INVALID' })
  })
})

describe('parseProtocols()', () => {
  const rows = parseProtocols(answer(PROTOCOLS))
  test('reads every row and nothing else', () => {
    assert.deepEqual(
      rows.map(({ name, proto, state, since, info }) => [name, proto, state, since, info]),
      [
        ['kernel1', 'Kernel', 'up', '18:34:53', ''],
        ['device1', 'Device', 'up', '2026-11-20', ''],
        ['Mesh_10_0_0_2', 'BGP', 'up', '18:34:53', 'Established'],
        ['Global_10_0_0_3_port_180', 'BGP', 'start', '2026-11-25 18:34:52', 'Connect Socket: No route to host'],
      ],
    )
  })
})

describe('parseProtocolDetails()', () => {
  test('reads counts and the BGP block', () => {
    const [kernel, mesh] = parseProtocolDetails(
      answer(`2002-name     proto    table    state  since       info
1002-kernel1  Kernel   master   up     18:34:53    
1006-  Preference:     10
   Routes:         2 imported, 4 exported, 2 preferred
 
1002-Mesh_10_0_0_2 BGP      master   up     18:34:52    Established   
1006-  Description:    x
   Routes:         3 imported, 1 filtered, 2 exported, 3 preferred
   BGP state:          Established
     Neighbor address: 10.0.0.2
     Neighbor AS:      64512
     Neighbor caps:    refresh enhanced-refresh restart-able AS4
     Session:          internal multihop AS4
     Last error:       Socket: Connection closed
 
0000 
`),
    )
    assert.deepEqual(kernel?.routes, { imported: 2, exported: 4, preferred: 2 })
    assert.equal(kernel?.bgp, undefined)
    assert.deepEqual(mesh?.routes, { imported: 3, exported: 2, preferred: 3 })
    assert.deepEqual(mesh?.bgp, {
      state: 'Established',
      neighborAddress: '10.0.0.2',
      neighborAs: 64512,
      lastError: 'Socket: Connection closed',
      capabilities: ['refresh', 'enhanced-refresh', 'restart-able', 'AS4'],
      session: ['internal', 'multihop', 'AS4'],
    })
  })
})

describe('parseStatus()', () => {
  const status = (version: string, end: string): string => `1000-${version}
1011-Router ID is 10.0.0.1
 Current server time is 2026-11-25 18:34:56
 Last reboot on 2026-11-25 18:34:53
 Last reconfiguration on 2026-11-25 18:34:55
${end}
`
  test('accepts the version lines of Debian and of the fork', () => {
    assert.equal(parseStatus(answer(status('BIRD 1.6.8', '0013 Daemon is up and running'))).version, '1.6.8')
    assert.equal(parseStatus(answer(status('BIRD v0.3.3+birdv1.6.8', '0013 up'))).version, '0.3.3+birdv1.6.8')
  })
  test('tells a graceful restart in progress', () => {
    const text = status(
      'BIRD 1.6.8',
      ' \n0024-Graceful restart recovery in progress\n  Waiting for 1 protocols\n0013 up',
    )
    const parsed = parseStatus(answer(text))
    assert.equal(parsed.gracefulRestart, true)
    assert.equal(parsed.lastReconfiguration, '2026-11-25 18:34:55')
  })
  test('refuses an answer to something else', () => {
    assert.throws(() => parseStatus(answer('0013 up\n')), { code: 'INVALID' })
  })
})

describe('parseConfigure()', () => {
  const reading = '0002-Reading configuration from /etc/bird.cfg\n'
  const cases: [text: string, kind: string][] = [
    ['0003 Reconfigured', 'done'],
    ['0004 Reconfiguration in progress', 'in-progress'],
    ['0005 Reconfiguration already in progress, queueing new config', 'queued'],
    ['0020 Configuration OK', 'done'],
    ['8002 /etc/bird.cfg:11:1 syntax error', 'refused'],
  ]
  for (const [text, kind] of cases) {
    test(`"${text}" is ${kind}`, () => assert.equal(parseConfigure(answer(`${reading}${text}\n`)).kind, kind))
  }
  test('a refusal names file and line', () => {
    assert.deepEqual(parseConfigure(answer(`${reading}8002 /etc/bird_ipam.cfg:11:1 syntax error\n`)), {
      kind: 'refused',
      message: '/etc/bird_ipam.cfg:11:1 syntax error',
      file: '/etc/bird_ipam.cfg',
      line: 11,
    })
  })
  test('a denied command is an error', () => {
    assert.throws(() => parseConfigure(answer('8007 Access denied\n')), { code: 'COMMAND_FAILED' })
  })
})

describe('parseRoutes()', () => {
  test('gives further routes of one prefix that prefix', () => {
    const routes = parseRoutes(
      answer(`1007-10.1.0.0/26        blackhole [static1 18:34:52] * (200)
 10.2.0.0/26        via 10.0.0.2 on e0 [Mesh_10_0_0_2 18:34:52 from 10.0.0.9] * (100/0) [i]
                    via 10.0.0.3 on e0 [Mesh_10_0_0_3 18:34:52] (100/0) [i]
0000 
`),
    )
    assert.deepEqual(routes, [
      { prefix: '10.1.0.0/26', from: 'static1', target: 'blackhole', primary: true, preference: 200 },
      { prefix: '10.2.0.0/26', from: 'Mesh_10_0_0_2', target: 'via 10.0.0.2 on e0', primary: true, preference: 100 },
      { prefix: '10.2.0.0/26', from: 'Mesh_10_0_0_3', target: 'via 10.0.0.3 on e0', primary: false, preference: 100 },
    ])
  })
})
