import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { parseIp } from '@calico-node/model'
import { createConntrack } from './conntrack.ts'
import { run } from './run.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const add = async (from: string, to: string, port: number): Promise<void> => {
  await run('conntrack', [
    '-I',
    '-p',
    'udp',
    '-s',
    from,
    '-d',
    to,
    '--sport',
    String(port),
    '--dport',
    '53',
    '-t',
    '600',
  ])
}
/** Flows as `source>destination:port`. */
const flows = async (): Promise<string[]> => {
  const text = (await run('conntrack', ['-f', 'ipv4', '-L'])) + (await run('conntrack', ['-f', 'ipv6', '-L']))
  return Array.from(
    text.matchAll(/src=(\S+) dst=(\S+) sport=(\d+) .*src=/g),
    ([, src, dst, port]) => `${src}>${dst}:${port}`,
  ).toSorted()
}

describe('conntrack', () => {
  before(() => run('iptables-legacy', ['-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT']))

  test('deletes flows from and to an address, of either version, and no others', async () => {
    await add('10.0.0.1', '192.0.2.1', 1)
    await add('192.0.2.1', '10.0.0.1', 2)
    await add('10.0.0.2', '192.0.2.1', 3)
    await add('fd00::1', '2001:db8::1', 4)
    await add('fd00::2', '2001:db8::1', 5)
    await createConntrack({ log: quietLogger }).flush([parseIp('10.0.0.1'), parseIp('fd00::1')])
    assert.deepEqual(await flows(), ['10.0.0.2>192.0.2.1:3', 'fd00::2>2001:db8::1:5'])
    await createConntrack({ log: quietLogger }).flush([parseIp('10.0.0.2'), parseIp('fd00::2')])
    assert.deepEqual(await flows(), [])
  })

  test('has nothing against addresses without flows, nor against being called many times at once', async () => {
    const conntrack = createConntrack({ log: quietLogger })
    for (let i = 0; i < 50; i++) await add(`10.0.1.${i}`, '192.0.2.1', 1000 + i)
    const addresses = Array.from({ length: 250 }, (_, i) => parseIp(`10.0.${i % 5}.${Math.floor(i / 5)}`))
    await Promise.all(addresses.map((address) => conntrack.flush([address])))
    assert.deepEqual(await flows(), [])
    await conntrack.flush([])
  })
})
