import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderServices, servicesFor } from './services.ts'

describe('servicesFor()', () => {
  const cases: [backend: 'bird' | 'vxlan' | 'none', withFelix: boolean, expected: string[]][] = [
    ['bird', true, ['felix', 'confd', 'bird', 'bird6']],
    ['bird', false, ['confd', 'bird', 'bird6']],
    ['vxlan', true, ['felix']],
    ['none', true, ['felix']],
    ['none', false, []],
  ]
  for (const [backend, withFelix, expected] of cases) {
    test(`${backend}${withFelix ? '' : ' without Felix'}`, () => {
      assert.deepEqual(servicesFor({ backend, withFelix }), expected)
    })
  }
  test('are written one a line', () => assert.equal(renderServices(['felix', 'confd']), 'felix\nconfd\n'))
})
