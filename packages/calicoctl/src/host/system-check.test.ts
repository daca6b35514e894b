import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkKernel, isNewEnough, REQUIREMENTS } from './system-check.ts'

const names = REQUIREMENTS.filter(({ optional }) => !optional).map(({ module }) => module)
const failed = (modules: readonly string[], config: ReadonlyMap<string, string> = new Map()): string[] =>
  checkKernel({ release: '6.1.0-28-amd64', modules: new Set(modules), config })
    .filter(({ result }) => result === 'FAIL')
    .map(({ name }) => name)

describe('checkKernel()', () => {
  test('is content with the required modules', () => assert.deepEqual(failed(names), []))
  test('names what is missing', () => assert.deepEqual(failed(names.filter((name) => name !== 'xt_set')), ['xt_set']))
  test('accepts what is compiled in', () => {
    assert.deepEqual(
      failed(
        names.filter((name) => name !== 'xt_set'),
        new Map([['CONFIG_NETFILTER_XT_SET', 'y']]),
      ),
      [],
    )
  })
  test('skips optional ones', () => {
    const result = checkKernel({ release: '6.1.0', modules: new Set(names), config: new Map() }).find(
      ({ name }) => name === 'ipip',
    )
    assert.equal(result?.result, 'SKIP')
  })
})

describe('isNewEnough()', () => {
  const cases: [release: string, expected: boolean][] = [
    ['2.6.23', false],
    ['2.6.24', true],
    ['2.6.32-754.el6', true],
    ['3.0.0', true],
    ['6.18.0-1-amd64', true],
    ['2.4.37', false],
  ]
  for (const [release, expected] of cases) test(release, () => assert.equal(isNewEnough(release), expected))
})
