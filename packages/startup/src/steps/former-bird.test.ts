import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KernelRoute } from '@calico-node/linux'
import { parseCidr } from '@calico-node/model'
import { formerBirdRoutes } from './former-bird.ts'

const route = (dst: string, protocol: number): KernelRoute => ({
  dst: parseCidr(dst),
  protocol,
  type: 1,
  onlink: false,
  scope: 0,
  metric: 0,
  multipath: false,
})

test("formerBirdRoutes() takes BIRD's routes within pools only", () => {
  const pools = [parseCidr('192.168.0.0/16'), parseCidr('fd80::/64')]
  const ours = [route('192.168.7.64/26', 12), route('192.168.0.0/16', 12), route('fd80::40/122', 12)]
  const foreign = [
    route('192.168.7.64/26', 4), // static
    route('192.168.8.1/32', 80), // Felix's
    route('192.0.0.0/8', 12), // wider than any pool
    route('10.0.0.0/8', 12),
    route('0.0.0.0/0', 12),
  ]
  assert.deepEqual(formerBirdRoutes([...foreign, ...ours], pools), ours)
})
