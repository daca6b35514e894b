import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipToBigInt, parseCidr, parseIp } from '@calico-node/model'
import { countCovered, coversWhole, inRanges, mergeRanges } from './address-ranges.ts'

const merge = (...texts: string[]) => mergeRanges(texts.map(parseCidr), 4)
const range = (first: string, last: string) => ({ first: ipToBigInt(parseIp(first)), last: ipToBigInt(parseIp(last)) })

test('mergeRanges() joins what overlaps or touches and ignores the other IP version', () => {
  assert.deepEqual(merge('10.0.0.2/31', '10.0.0.0/31', '10.0.0.8/29', '10.0.0.8/30', 'fd00::/8'), [
    range('10.0.0.0', '10.0.0.3'),
    range('10.0.0.8', '10.0.0.15'),
  ])
  assert.deepEqual(merge(), [])
})

test('membership, whole cover and counts agree with looking at every address', () => {
  const cidr = fc
    .tuple(fc.nat(255), fc.integer({ min: 26, max: 32 }))
    .map(([host, length]) => `10.0.0.${host}/${length}`)
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 6 }), cidr, (reserved, asked) => {
      const ranges = merge(...reserved)
      const inside = (parent: string, host: number): boolean => {
        const [base = '', length = ''] = parseCidr(parent).split('/')
        return host >>> (32 - Number(length)) === Number(base.split('.')[3]) >>> (32 - Number(length))
      }
      const hosts = Array.from({ length: 256 }, (_, host) => host)
      const isReserved = (host: number): boolean => reserved.some((each) => inside(each, host))
      for (const host of hosts) assert.equal(inRanges(ranges, parseIp(`10.0.0.${host}`)), isReserved(host))
      const of = hosts.filter((host) => inside(asked, host))
      assert.equal(coversWhole(ranges, parseCidr(asked)), of.every(isReserved))
      assert.equal(countCovered(ranges, parseCidr(asked)), BigInt(of.filter(isReserved).length))
    }),
  )
})
