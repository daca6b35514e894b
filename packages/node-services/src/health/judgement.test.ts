import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BirdProtocol } from '@calico-node/birdc'
import { type BirdState, judgeBird } from './judgement.ts'

const session = (name: string, info: string, proto = 'BGP'): BirdProtocol => ({
  name,
  info,
  proto,
  table: 'master',
  state: info === 'Established' ? 'up' : 'start',
  since: '10:00:01',
})
const UP = session('Mesh_10_0_0_2', 'Established')
const DOWN = session('Node_10_0_0_3_port_1790', 'Active Socket: Connection refused')
const YOUNG = { nodeAgeMs: 1000, thresholdMs: 30_000, recovering: false }
const OLD = { ...YOUNG, nodeAgeMs: 30_000 }

describe('judgeBird()', () => {
  const rows: [why: string, state: BirdState, ok: boolean, detail: RegExp][] = [
    ['nobody to talk to', { ...YOUNG, protocols: [session('kernel1', '', 'Kernel')] }, true, /^no peers$/],
    ['all sessions of a young node', { ...YOUNG, protocols: [UP] }, true, /^1 of 1 sessions established$/],
    [
      'a young node wants all of them',
      { ...YOUNG, protocols: [UP, DOWN] },
      false,
      /^1 of 2 .*; Node_10_0_0_3_port_1790 Active Socket: Connection refused$/,
    ],
    ['a young node wants its restart done', { ...YOUNG, recovering: true, protocols: [UP] }, false, /graceful restart/],
    ['an old one is content with a single one', { ...OLD, protocols: [UP, DOWN] }, true, /^1 of 2/],
    ['an old one without any is cut off', { ...OLD, protocols: [DOWN] }, false, /^0 of 1/],
    ['an old one may be recovering', { ...OLD, recovering: true, protocols: [UP] }, true, /^1 of 1/],
    [
      'sessions with workloads and other protocols do not count',
      { ...OLD, protocols: [session('Local_Workload_10_65_0_1', 'Active'), session('static1', '', 'Static')] },
      true,
      /^no peers$/,
    ],
  ]
  for (const [why, state, ok, detail] of rows) {
    test(why, () => {
      const verdict = judgeBird(state)
      assert.equal(verdict.ok, ok, verdict.detail)
      assert.match(verdict.detail, detail)
    })
  }
})
