import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFlows } from './tracked-flows.ts'

test('parseFlows() reads both tuples, with ports or ICMP fields, and skips what is no flow', () => {
  const table = [
    'tcp      6 431999 ESTABLISHED src=10.65.0.1 dst=10.96.0.1 sport=40000 dport=443 src=172.16.0.2 dst=172.16.0.1 sport=6443 dport=61000 [ASSURED] mark=65536 use=1',
    'icmpv6   58 29 src=fd00:65::1 dst=fd00:65::2 type=128 code=0 id=7 src=fd00:65::2 dst=fd00:65::1 type=129 code=0 id=7 mark=0 use=1',
    'udp      17 29 src=10.65.0.1 dst=10.65.0.2 sport=1 dport=2 [UNREPLIED] src=10.65.0.2 dst=10.65.0.1 sport=2 dport=1 mark=0 use=1',
    'unknown  47 599 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 mark=0 use=1',
    'conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.',
    '',
  ].join('\n')
  assert.deepEqual(parseFlows(table), [
    {
      protocol: 6,
      source: '10.65.0.1',
      destination: '10.96.0.1',
      sourcePort: 40000,
      destinationPort: 443,
      answerer: '172.16.0.2',
      answererPort: 6443,
    },
    {
      protocol: 58,
      source: 'fd00:65::1',
      destination: 'fd00:65::2',
      answerer: 'fd00:65::2',
      icmp: { type: 128, code: 0, id: 7 },
    },
    {
      protocol: 17,
      source: '10.65.0.1',
      destination: '10.65.0.2',
      sourcePort: 1,
      destinationPort: 2,
      answerer: '10.65.0.2',
      answererPort: 2,
    },
    { protocol: 47, source: '10.0.0.1', destination: '10.0.0.2', answerer: '10.0.0.2' },
  ])
})
