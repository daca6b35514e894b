/** No command and no option without a case: whoever adds one to a command fails here until the tables have it. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { hasCode } from '@calico-node/core'
import { resolveCommand, splitGlobals, type Resolved } from '../cli/argv.ts'
import { parseWords } from '../cli/parse.ts'
import { ENTRIES } from '../commands/registry.ts'
import { readCases, shellWords } from './case.test.ts'

/** The keys of the options that are typed; undefined when that is no way to use the command. */
async function optionsOf({ entry, rest }: Resolved & { kind: 'command' }): Promise<string[] | undefined> {
  try {
    const { options } = parseWords(entry, await entry.load(), rest)
    return Object.keys(options).filter((key) => (options[key] ?? []).length > 0)
  } catch (err) {
    if (hasCode(err, 'INVALID')) return undefined
    throw err
  }
}

describe('the tables of cases', () => {
  const used = new Set<string>()
  const failing = new Set<string>()
  before(async () => {
    for (const { line, exit } of ['etcd', 'host'].flatMap(readCases)) {
      const resolved = resolveCommand(splitGlobals(shellWords(line)).words, ENTRIES)
      assert.ok(resolved.kind === 'command', line)
      const { path } = resolved.entry
      if (exit === 1) failing.add(path)
      const options = await optionsOf(resolved)
      if (options !== undefined) for (const one of [path, ...options.map((key) => `${path} ${key}`)]) used.add(one)
    }
  })
  test('use every command and every option', async () => {
    const wanted: string[] = []
    for (const { path, load } of ENTRIES)
      wanted.push(path, ...Object.keys((await load()).options).map((key) => `${path} ${key}`))
    assert.deepEqual(
      wanted.filter((one) => !used.has(one)),
      [],
    )
  })
  test('have every command fail', () => {
    assert.deepEqual(
      ENTRIES.map(({ path }) => path).filter((path) => !failing.has(path)),
      [],
    )
  })
})
