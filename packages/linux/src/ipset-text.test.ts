import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalMember, createLine, parseSave } from './ipset-text.ts'

test('parseSave() reads sets by keyword, whatever options stand between', () => {
  const text = `create cali40s:x hash:net family inet hashsize 1024 maxelem 1000 bucketsize 12 initval 0x2b514327
add cali40s:x 10.0.0.1
add cali40s:x 10.0.0.0/8
create cali60n:y hash:ip,port family inet6 hashsize 1024 maxelem 65536
add cali60n:y fd00::1,tcp:80
`
  assert.deepEqual(parseSave(text), [
    {
      name: 'cali40s:x',
      type: 'hash:net',
      family: 'inet',
      maxElements: 1000,
      members: new Set(['10.0.0.1', '10.0.0.0/8']),
    },
    {
      name: 'cali60n:y',
      type: 'hash:ip,port',
      family: 'inet6',
      maxElements: 65536,
      members: new Set(['fd00::1,tcp:80']),
    },
  ])
  assert.deepEqual(parseSave(''), [])
})

describe('canonicalMember()', () => {
  const cases: [text: string, canonical: string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.1,tcp:80', '10.0.0.1,tcp:80'],
    ['fd00::1/128', 'fd00::1'],
    ['fd00:0:0:1::/64', 'fd00:0:0:1::/64'],
    ['FD00::1', 'fd00::1'],
    ['fd00:0:0:0:0:0:0:1,udp:53', 'fd00::1,udp:53'],
  ]
  for (const [text, canonical] of cases) test(text, () => assert.equal(canonicalMember(text), canonical))
})

test('createLine() names family and limit', () => {
  assert.equal(
    createLine('cali60s:x', { type: 'hash:net', ipVersion: 6 }, 9),
    'create cali60s:x hash:net family inet6 maxelem 9',
  )
})
