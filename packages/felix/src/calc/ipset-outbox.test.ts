import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { parseSelector } from '@calico-node/selector'
import { IpSetOutbox } from './ipset-outbox.ts'
import { selectorSet } from './set-id.ts'

const spec = selectorSet(parseSelector('all()'))
const { id } = spec

describe('IpSetOutbox', () => {
  let members: string[]
  let outbox: IpSetOutbox
  beforeEach(() => {
    members = ['1']
    outbox = new IpSetOutbox(() => members)
    outbox.add(spec)
    outbox.addMember(id, '1')
  })

  test('sends a new set with the members that it has when it is taken', () => {
    members = ['1', '2']
    outbox.addMember(id, '2')
    assert.deepEqual(outbox.take(), {
      updates: [{ kind: 'ipset.update', id, type: 'hash:net', members: ['1', '2'] }],
      removals: [],
    })
    assert.deepEqual(outbox.take(), { updates: [], removals: [] })
  })

  test('sends what came and went since, and nothing for what came and went again', () => {
    outbox.take()
    outbox.addMember(id, '2')
    outbox.removeMember(id, '1')
    outbox.addMember(id, '3')
    outbox.removeMember(id, '3')
    assert.deepEqual(outbox.take(), {
      updates: [{ kind: 'ipset.delta', id, added: ['2'], removed: ['1'] }],
      removals: [],
    })
    outbox.removeMember(id, '2')
    outbox.addMember(id, '2')
    assert.deepEqual(outbox.take(), { updates: [], removals: [] })
  })

  test('a set that was never taken is never removed', () => {
    outbox.remove(id)
    assert.deepEqual(outbox.take(), { updates: [], removals: [] })
  })

  test('a removed set says nothing about its last changes', () => {
    outbox.take()
    outbox.addMember(id, '2')
    outbox.remove(id)
    assert.deepEqual(outbox.take(), { updates: [], removals: [{ kind: 'ipset.remove', id }] })
  })

  test('a set that was removed and made again is sent as a whole', () => {
    outbox.take()
    outbox.addMember(id, '2')
    outbox.remove(id)
    members = ['2', '3']
    outbox.add(spec)
    outbox.addMember(id, '2')
    outbox.addMember(id, '3')
    assert.deepEqual(outbox.take(), {
      updates: [{ kind: 'ipset.update', id, type: 'hash:net', members: ['2', '3'] }],
      removals: [],
    })
  })
})
