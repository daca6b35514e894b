import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderServices, servicesFor } from './services.ts'

describe('servicesFor()', () => {
  const cases: [backend: 'bird' | 'vxlan' | 'none', withFelix: boolean, expected: string[]][] = [
    ['bird', true, ['felix', 'confd', 'bird', 'bird6', 'node-services']],
    ['bird', false, ['confd', 'bird', 'bird6', 'node-services']],
    ['vxlan', true, ['felix', 'node-services']],
    ['none', true, ['felix', 'node-services']],
    ['none', false, ['node-services']],
  ]
  for (const [backend, withFelix, expected] of cases) {
    test(`${backend}${withFelix ? '' : ' without Felix'}`, () => {
      assert.deepEqual(servicesFor({ backend, withFelix }), expected)
    })
  }
  test('serve Docker where that is asked for', () => {
    const services = servicesFor({ backend: 'none', withFelix: true, withDockerNetworks: true })
    assert.deepEqual(services, ['felix', 'node-services', 'libnetwork'])
  })
  test('are written one a line', () => assert.equal(renderServices(['felix', 'confd']), 'felix\nconfd\n'))
})
