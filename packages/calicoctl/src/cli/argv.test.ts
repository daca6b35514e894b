import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { objectLast, resolveCommand, splitGlobals, type Entry } from './argv.ts'

const entry = (path: string): Entry => ({ path, summary: '', load: () => Promise.reject(new Error('not loaded here')) })
const ENTRIES = [
  'get',
  'node',
  'node run',
  'node status',
  'node bgp peer add',
  'container add',
  'container show',
  'container ip add',
  'container ip remove',
  'container endpoint show',
  'container profile set',
  'profile add',
  'profile tag add',
  'profile rule show',
  'endpoint show',
  'endpoint profile set',
  'ipam show',
  'pool range add',
].map(entry)
const PATHS = new Set(ENTRIES.map(({ path }) => path))

describe('splitGlobals()', () => {
  const cases: [typed: string, config: string | undefined, mismatch: boolean, words: string[]][] = [
    ['--allow-version-mismatch get nodes', undefined, true, ['get', 'nodes']],
    ['get nodes --config=/etc/x.cfg', '/etc/x.cfg', false, ['get', 'nodes']],
    ['-c x.cfg get nodes -o wide', 'x.cfg', false, ['get', 'nodes', '-o', 'wide']],
    ['get nodes --context other', undefined, false, ['get', 'nodes']],
    ['apply -f - -- -c', undefined, false, ['apply', '-f', '-', '--', '-c']],
  ]
  for (const [typed, config, mismatch, words] of cases) {
    test(typed, () => {
      const split = splitGlobals(typed.split(' '))
      assert.deepEqual(split.words, words)
      assert.equal(split.globals.config, config)
      assert.equal(split.globals.allowVersionMismatch, mismatch)
    })
  }
  test('refuses an option whose value is missing', () => {
    assert.throws(() => splitGlobals(['get', '--config']), { code: 'INVALID', message: /--config needs a value/ })
  })
})

describe('objectLast()', () => {
  const cases: [typed: string, meant: string][] = [
    ['container web ip add 10.0.0.1', 'container ip add web 10.0.0.1'],
    ['container web profile set A B', 'container profile set web A B'],
    ['container web endpoint show', 'container endpoint show web'],
    ['container add web 10.0.0.1', 'container add web 10.0.0.1'],
    ['container add ip', 'container add ip'],
    ['profile P tag add T', 'profile tag add P T'],
    ['profile P rule show', 'profile rule show P'],
    ['endpoint 0a1b profile set A', 'endpoint profile set 0a1b A'],
    ['container show profile set A', 'container profile set show A'],
    ['pool range add 10.0.0.1 10.0.0.9', 'pool range add 10.0.0.1 10.0.0.9'],
  ]
  for (const [typed, meant] of cases) {
    test(typed, () => assert.equal(objectLast(typed.split(' '), PATHS).join(' '), meant))
  }
})

describe('resolveCommand()', () => {
  const found: [typed: string, path: string, rest: string][] = [
    ['get nodes -o wide', 'get', 'nodes -o wide'],
    ['node --ip=10.0.0.1', 'node', '--ip=10.0.0.1'],
    ['node status', 'node status', ''],
    ['node bgp peer add 10.0.0.1 as 64512', 'node bgp peer add', '10.0.0.1 as 64512'],
    ['container web ip add ipv4', 'container ip add', 'web ipv4'],
  ]
  for (const [typed, path, rest] of found) {
    test(typed, () => {
      const resolved = resolveCommand(typed.split(' '), ENTRIES)
      assert.ok(resolved.kind === 'command')
      assert.equal(resolved.entry.path, path)
      assert.equal(resolved.rest.join(' '), rest)
    })
  }
  test('shows the group for its name alone', () => {
    const resolved = resolveCommand(['ipam'], ENTRIES)
    assert.ok(resolved.kind === 'group')
    assert.deepEqual(
      resolved.entries.map(({ path }) => path),
      ['ipam show'],
    )
  })
  const unknown: [typed: string, message: RegExp][] = [
    ['gett nodes', /Unknown command "gett": did you mean "get"\?/],
    ['ipam shwo', /Unknown command "ipam shwo": did you mean "show"\?/],
    ['frobnicate', /Unknown command "frobnicate": use "calicoctl --help"/],
  ]
  for (const [typed, message] of unknown) {
    test(`refuses ${typed}`, () => {
      assert.throws(() => resolveCommand(typed.split(' '), ENTRIES), { code: 'INVALID', message })
    })
  }
})
