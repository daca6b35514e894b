// What `calicoctl trace` says about the connectivity cases: its verdict must be the one that the kernel gives too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, surroundingsOf, findEnds, pairUp, type End, type Live } from '@calico-node/calicoctl'
import { makeResource, type Resource } from '@calico-node/model'
import { World } from '@calico-node/policy'
import { afterStep, CASES, type Check, checksOf, EXTERNAL_IP, fixture, NODE, NODE_IP, workloadIp } from './cases.ts'

const node = makeResource('Node', { name: NODE }, { bgp: { ipv4Address: `${NODE_IP}/24` } })

function liveOf(resources: readonly Resource[]): Live {
  const felix = resources.flatMap((item) => (item.kind === 'FelixConfiguration' ? [item] : []))
  return { resources, nodes: [node], felix }
}

/** As a user would name it. */
const typed = (name: string): string => (name === 'node' ? NODE : name === 'ext' ? EXTERNAL_IP : workloadIp(name))

function traced(live: Live, { from, to, protocol, port, sourcePort = 50_000 }: Check): 'allow' | 'deny' {
  const ends: { from: End; to: End } = pairUp(findEnds(live, typed(from)), findEnds(live, typed(to)))
  const packet =
    protocol === 'icmp'
      ? { protocol: 1, icmp: { type: 8, code: 0 } }
      : { protocol: protocol === 'tcp' ? 6 : 17, destinationPort: port, sourcePort }
  return judge(new World(live.resources), { ...ends, ...packet }, surroundingsOf(live, 'eth0')).action
}

for (const item of CASES) {
  test(`${item.id}: ${item.title}`, () => {
    let resources = fixture(item.workloadOverrides)
    for (const [index, step] of item.steps.entries()) {
      resources = afterStep(resources, step)
      const live = liveOf(resources)
      for (const check of checksOf(step)) {
        const what = `step ${index}: ${check.protocol}/${check.port} ${check.from} -> ${check.to}`
        assert.equal(traced(live, check), check.result, what)
      }
    }
  })
}
