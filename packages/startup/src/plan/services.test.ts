import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderServices, servicesFor } from './services.ts'

describe('servicesFor()', () => {
  const cases: [backend: 'bird' | 'vxlan' | 'none', disableFelix: boolean, expected: string[]][] = [
    ['bird', false, ['felix', 'confd', 'bird', 'bird6']],
    ['bird', true, ['confd', 'bird', 'bird6']],
    ['vxlan', false, ['felix']],
    ['none', false, ['felix']],
    ['none', true, []],
  ]
  for (const [backend, disableFelix, expected] of cases) {
    test(`${backend}${disableFelix ? ' without Felix' : ''}`, () => {
      assert.deepEqual(servicesFor({ backend, disableFelix }), expected)
    })
  }
  test('are written one a line', () => assert.equal(renderServices(['felix', 'confd']), 'felix\nconfd\n'))
})
