import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeResource, type RuleSpec } from '@calico-node/model'
import type { RuleSource } from './inputs.ts'
import type { CalcRule } from './messages.ts'
import { RuleScanner, scanRules } from './rule-scanner.ts'
import { NO_SIDE } from './rule-fixture.test.ts'

/** Rules as their author writes them. */
function rules(...written: object[]): RuleSource {
  const value = JSON.stringify({ metadata: { name: 'p' }, spec: { ingress: written } })
  const key = '/calico/resources/v3/projectcalico.org/profiles/p'
  return { ingress: decodeResource('Profile', value, { key, modRevision: 1n }).spec.ingress ?? [], egress: [] }
}
const scan = (written: object, namespace?: string): { rule: CalcRule | undefined; sets: string[] } => {
  const { rules: lists, sets } = scanRules({ ...rules(written), ...(namespace !== undefined && { namespace }) })
  return {
    rule: lists.ingress[0],
    sets: [...sets.values()].map(({ selector, port }) =>
      [port?.protocol, port?.name, selector.text].filter(Boolean).join(' '),
    ),
  }
}
const ALL = 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug'

describe('scanRules()', () => {
  test('a selector becomes a set with the id that Calico gives it', () => {
    const { rule, sets } = scan({ action: 'Allow', source: { selector: 'all()' } })
    assert.deepEqual(rule?.source.sets, [ALL])
    assert.deepEqual(sets, ['all()'])
  })

  test('selectors that mean the same in other words share a set', () => {
    const { sets } = scanRules(
      rules(
        { action: 'Allow', source: { selector: "a=='b'" } },
        { action: 'Deny', destination: { selector: ' a == "b" ' } },
      ),
    )
    assert.equal(sets.size, 1)
  })

  test('numbers, lists and words are taken over', () => {
    const { rule } = scan({
      action: 'Log',
      ipVersion: 4,
      protocol: 'ICMP',
      icmp: { type: 8, code: 0 },
      notProtocol: 'UDP',
      metadata: { annotations: { b: '2', a: '1' } },
      source: { nets: ['10.0.0.0/8'] },
      destination: { notNets: ['10.1.0.0/16', '10.2.0.0/16'] },
    })
    const [ten, one, two] =
      scanRules(rules({ action: 'Allow', source: { nets: ['10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16'] } })).rules
        .ingress[0]?.source.nets ?? []
    assert.ok(ten && one && two)
    assert.deepEqual(rule, {
      action: 'log',
      ipVersion: 4,
      protocol: 1,
      notProtocol: 17,
      icmp: { type: 8, code: 0 },
      source: { ...NO_SIDE, nets: [ten] },
      destination: { ...NO_SIDE, notNets: [one, two] },
      comments: ['a=1', 'b=2'],
    })
  })

  const ports: [
    why: string,
    destination: object,
    expected: { numbers: number; named: number; sets: number },
    sets: string[],
  ][] = [
    ['numbers and ranges are numbers', { ports: [80, '1000:2000'] }, { numbers: 2, named: 0, sets: 0 }, []],
    [
      'a name is a set of every endpoint that has it',
      { ports: ['http'] },
      { numbers: 0, named: 1, sets: 0 },
      ['tcp http all()'],
    ],
    [
      'a name beside a selector holds the selected ones only, and needs no other set',
      { ports: ['http'], selector: 'has(a)' },
      { numbers: 0, named: 1, sets: 0 },
      ['tcp http has(a)'],
    ],
    [
      'a name beside a number needs both',
      { ports: ['http', 80], selector: 'has(a)' },
      { numbers: 1, named: 1, sets: 1 },
      ['tcp http has(a)', 'has(a)'],
    ],
  ]
  for (const [why, destination, expected, sets] of ports) {
    test(why, () => {
      const found = scan({ action: 'Allow', protocol: 'TCP', destination })
      const side = found.rule?.destination
      assert.deepEqual({ numbers: side?.ports.length, named: side?.portSets.length, sets: side?.sets.length }, expected)
      assert.deepEqual(found.sets, sets)
    })
  }

  test('excluded names are those of the selected endpoints', () => {
    const { rule, sets } = scan({
      action: 'Allow',
      protocol: 'UDP',
      source: { notPorts: ['dns', 53], selector: 'has(a)' },
    })
    assert.deepEqual(
      [rule?.source.notPortSets.length, rule?.source.notPorts, rule?.source.sets.length],
      [1, [{ first: 53, last: 53 }], 1],
    )
    assert.deepEqual(sets, ['udp dns has(a)', 'has(a)'])
  })

  test('named ports of different protocols are different sets', () => {
    const both = rules(
      { action: 'Allow', protocol: 'TCP', source: { ports: ['x'] } },
      { action: 'Allow', protocol: 'SCTP', source: { ports: ['x'] } },
    )
    assert.equal(scanRules(both).sets.size, 2)
  })

  test('services and HTTP requests are not known here: such rules match nothing', () => {
    const some = rules({ action: 'Allow', protocol: 'TCP', http: { methods: ['GET'] } }, { action: 'Deny' })
    assert.deepEqual(
      scanRules(some).rules.ingress.map(({ action }) => action),
      ['deny'],
    )
    const service: RuleSpec = { action: 'Allow', source: { services: { name: 's', namespace: 'n' } }, destination: {} }
    assert.deepEqual(scanRules({ ingress: [service], egress: [] }).rules.ingress, [])
  })

  test('rules of a namespaced policy look inside their namespace', () => {
    const { sets } = scan({ action: 'Allow', source: { selector: 'has(a)' } }, 'n')
    assert.deepEqual(sets, ['(projectcalico.org/namespace == "n" && has(a))'])
  })
})

describe('RuleScanner', () => {
  test('a set is active from its first owner to its last', () => {
    const told: string[] = []
    const scanner = new RuleScanner({
      setActive: ({ selector }) => told.push(`+${selector.text}`),
      setInactive: (id) => told.push(`-${id.slice(0, 4)}`),
    })
    const source = rules({ action: 'Allow', source: { selector: 'all()' } })
    scanner.update('one', source)
    scanner.update('two', source)
    scanner.update('one', rules({ action: 'Allow' }))
    assert.deepEqual(told, ['+all()'])
    scanner.remove('two')
    assert.deepEqual(told, ['+all()', '-s:5y'])
    assert.equal(scanner.activeSets, 0)
  })
})
