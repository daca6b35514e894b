import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BirdProtocolDetail } from '@calico-node/birdc'
import { BgpHistory } from './history.ts'
import { renderMetrics } from './metrics.ts'

const session = (info: string, since = '10:00:00'): BirdProtocolDetail => ({
  name: 'Mesh_10_0_0_2',
  proto: 'BGP',
  table: 'master',
  state: info === 'Established' ? 'up' : 'start',
  since,
  info,
  routes: { imported: 3, exported: 1, preferred: 3 },
  bgp: { state: info, neighborAddress: '10.0.0.2', neighborAs: 64_512, capabilities: [], session: [] },
})
const UP = session('Established')
const DOWN = session('Active')

describe('BgpHistory counts how often a session ends', () => {
  const cases: [why: string, seen: readonly (BirdProtocolDetail | 'silence')[], flaps: number][] = [
    ['it stays', [UP, UP], 0],
    ['it was never up', [DOWN, DOWN], 0],
    ['it ends', [UP, DOWN, DOWN], 1],
    ['it ends and comes back', [UP, DOWN, UP, DOWN], 2],
    ['between two looks', [UP, session('Established', '10:00:07')], 1],
    ['BIRD rounds', [UP, session('Established', '10:00:01')], 0],
    ['a day passes', [UP, session('Established', '2026-11-25')], 0],
    ['BIRD itself ends', [UP, 'silence', 'silence', UP], 1],
  ]
  for (const [why, seen, flaps] of cases) {
    test(why, () => {
      const history = new BgpHistory()
      for (const one of seen) {
        history.add([one === 'silence' ? { family: 4, problem: 'it does not run' } : { family: 4, protocols: [one] }])
      }
      assert.equal(history.families()[0]?.sessions[0]?.flaps, flaps)
    })
  }
})

test('renderMetrics() has a line a session and family', () => {
  const history = new BgpHistory()
  history.add([
    { family: 4, protocols: [UP] },
    { family: 6, problem: 'it does not run' },
  ])
  const text = renderMetrics(history.families())
  for (const line of [
    'calico_bird_up{family="4"} 1',
    'calico_bird_up{family="6"} 0',
    'calico_bgp_session_up{family="4",peer="Mesh_10_0_0_2"} 1',
    'calico_bgp_session_prefixes_imported{family="4",peer="Mesh_10_0_0_2"} 3',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})
