import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type EntityRuleSpec, parseResourceName } from '@calico-node/model'
import { type PolicyScope, policySelector, sideSelectors } from './rule-scope.ts'

describe('policySelector()', () => {
  const cases: [why: string, scope: PolicyScope, text: string][] = [
    ['nothing given selects all', {}, 'all()'],
    ['blank counts as absent', { selector: '  ' }, 'all()'],
    ['a global selector stays as it is', { selector: "a == 'b'" }, 'a == "b"'],
    [
      'a namespaced policy stays in its namespace',
      { selector: "a == 'b'", namespace: 'n' },
      '(a == "b" && projectcalico.org/namespace == "n")',
    ],
    ['an empty selector in a namespace', { namespace: 'n' }, 'projectcalico.org/namespace == "n"'],
    [
      'a namespace selector speaks of inherited labels, of endpoints in a namespace',
      { namespaceSelector: "team != 'x'" },
      '(has(projectcalico.org/namespace) && pcns.team != "x")',
    ],
    [
      'all() beside a namespace selector means being in a namespace',
      { selector: 'all()', namespaceSelector: "team != 'x'" },
      '(has(projectcalico.org/namespace) && pcns.team != "x")',
    ],
    [
      'all namespaces',
      { selector: "a == 'b'", namespaceSelector: 'all()' },
      '(a == "b" && has(projectcalico.org/namespace))',
    ],
    [
      'a service account selector speaks of inherited labels',
      { namespace: 'n', serviceAccountSelector: "team == 'x'" },
      '(projectcalico.org/namespace == "n" && pcsa.team == "x")',
    ],
    [
      'all service accounts',
      { namespace: 'n', serviceAccountSelector: 'all()' },
      '(projectcalico.org/namespace == "n" && has(projectcalico.org/serviceaccount))',
    ],
    [
      'a service account selector finds only endpoints with an account',
      { serviceAccountSelector: "team != 'x'" },
      '(has(projectcalico.org/serviceaccount) && pcsa.team != "x")',
    ],
  ]
  for (const [why, scope, text] of cases) test(why, () => assert.equal(policySelector(scope).text, text))
})

describe('sideSelectors()', () => {
  const cases: [
    why: string,
    side: EntityRuleSpec,
    namespace: string | undefined,
    positive: string | undefined,
    negative?: string,
  ][] = [
    ['nothing given restricts nothing', {}, 'n', undefined],
    ['networks and ports are not scoped to the namespace', { notPorts: [80] }, 'n', undefined],
    ['a global selector', { selector: "a == 'b'" }, undefined, 'a == "b"'],
    ['a namespaced selector', { selector: "a == 'b'" }, 'n', '(projectcalico.org/namespace == "n" && a == "b")'],
    ['a lone global notSelector also means strangers', { notSelector: "a == 'b'" }, undefined, undefined, 'a == "b"'],
    [
      'a notSelector beside a selector narrows it',
      { selector: 'has(a)', notSelector: "a == 'b'" },
      undefined,
      '(has(a) && !a == "b")',
    ],
    [
      'a lone namespaced notSelector means the rest of the namespace',
      { notSelector: "a == 'b'" },
      'n',
      '(projectcalico.org/namespace == "n" && !a == "b")',
    ],
    [
      'another namespace',
      { selector: "a == 'b'", namespaceSelector: "team == 'x'" },
      'n',
      '(pcns.team == "x" && a == "b")',
    ],
    ['all of another namespace', { namespaceSelector: "team == 'x'" }, 'n', 'pcns.team == "x"'],
    ['any namespace', { namespaceSelector: 'all()' }, 'n', 'has(projectcalico.org/namespace)'],
    [
      'no namespace',
      { namespaceSelector: 'global()', selector: 'has(a)' },
      'n',
      '(!has(projectcalico.org/namespace) && has(a))',
    ],
    [
      'service accounts by name',
      { serviceAccounts: { names: ['b', 'a'].map(parseResourceName) } },
      undefined,
      'projectcalico.org/serviceaccount in {"a", "b"}',
    ],
    [
      'service accounts by name and label, in the namespace',
      { serviceAccounts: { names: [parseResourceName('a')], selector: "t == 'x'" } },
      'n',
      '(projectcalico.org/namespace == "n" && (pcsa.t == "x" && projectcalico.org/serviceaccount in {"a"}))',
    ],
  ]
  for (const [why, side, namespace, positive, negative] of cases) {
    test(why, () => {
      const found = sideSelectors(side, namespace)
      assert.deepEqual([found.positive?.text, found.negative?.text], [positive, negative])
    })
  }
})
