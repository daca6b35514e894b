/** What holds for every command: help, examples, and one helpful line for wrong usage. Needs no datastore. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveCommand, splitGlobals } from './cli/argv.ts'
import { longName } from './cli/option.ts'
import { parseWords } from './cli/parse.ts'
import { ENTRIES } from './commands/registry.ts'
import { cli } from './harness.test.ts'

/** Words of a line of an example, as a shell would split them. */
const shellWords = (line: string): string[] =>
  (line.replace(/ [<>|].*$/, '').match(/'[^']*'|"[^"]*"|[^\s'"]+(?:"[^"]*")?/g) ?? []).map((word) =>
    word.replace(/^(['"])(.*)\1$/, '$2'),
  )

/** As a user types it: commands that take their object first are found that way too. */
const enough = (args: readonly string[]): string[] => args.filter((arg) => arg.startsWith('<')).map((_, i) => `x${i}`)

for (const entry of ENTRIES) {
  describe(entry.path, async () => {
    const command = await entry.load()
    const words = [...entry.path.split(' '), ...enough(command.args)]

    test('explains itself with usage and examples', async () => {
      const { exit, stdout, stderr } = await cli([...words, '--help'])
      assert.deepEqual([exit, stderr], [0, ''])
      assert.match(stdout, /^Usage: calicoctl /m)
      assert.ok(command.examples.length > 0)
      for (const [line] of command.examples) assert.ok(stdout.includes(`calicoctl ${line}`), line)
    })
    for (const [line] of command.examples) {
      test(`its example is well-formed: ${line}`, async () => {
        const resolved = resolveCommand(splitGlobals(shellWords(line)).words, ENTRIES)
        assert.ok(resolved.kind === 'command')
        parseWords(resolved.entry, await resolved.entry.load(), resolved.rest)
      })
    }
    test('answers an unknown option with one line', async () => {
      const { exit, stdout, stderr } = await cli([...words, '--bogus'])
      assert.deepEqual([exit, stdout], [1, ''])
      assert.match(stderr, /^Unknown option '--bogus'.* Usage: calicoctl .*--help"\n$/)
    })
    for (const { flags } of Object.values(command.options).filter(({ flags: shown }) => shown.includes('<'))) {
      test(`answers ${flags} without its value with one line`, async () => {
        const { exit, stdout, stderr } = await cli([...words, longName(flags)])
        assert.deepEqual([exit, stdout], [1, ''])
        assert.match(stderr, /^Option '.*' argument missing\. Usage: calicoctl .*--help"\n$/)
      })
    }
    if (command.args.some((arg) => arg.startsWith('<'))) {
      test('answers a missing argument with one line', async () => {
        const { exit, stdout, stderr } = await cli(entry.path)
        assert.deepEqual([exit, stdout], [1, ''])
        assert.match(stderr, /^Missing required argument .* Usage: calicoctl .*\n$/)
      })
    }
    if (!command.args.some((arg) => arg.includes('...'))) {
      test('answers an argument too many with one line', async () => {
        const { exit, stdout, stderr } = await cli([
          ...entry.path.split(' '),
          ...command.args.map((_, i) => `x${i}`),
          'more',
        ])
        assert.deepEqual([exit, stdout], [1, ''])
        assert.match(stderr, /^Too many arguments.* Usage: calicoctl .*\n$/)
      })
    }
  })
}

describe('calicoctl', () => {
  test('alone shows its commands and fails', async () => {
    const { exit, stdout } = await cli([])
    assert.equal(exit, 1)
    assert.match(stdout, /^Usage: calicoctl <command>/)
    for (const { path, alias } of ENTRIES) if (alias !== true) assert.ok(stdout.includes(`  ${path} `), path)
  })
  test('lists its commands under headings', async () => {
    const { stdout } = await cli([])
    const headings = stdout.match(/^\w.*:$/gm)
    assert.equal(headings?.[0], 'Resources:')
    assert.deepEqual(new Set(headings).size, headings?.length)
    assert.ok((headings?.length ?? 0) > 5)
    assert.match(stdout, /^This host:\n {2}node run +Start calico\/node on this host$/m)
  })
  test('--help shows the same and succeeds', async () => {
    assert.equal((await cli('--help')).exit, 0)
  })
  test('--version shows the version', async () => {
    assert.match((await cli('--version --client')).stdout, /^Client Version:/)
  })
  test('shows the commands of a group', async () => {
    const { stdout } = await cli('ipam --help')
    assert.match(stdout, /^ {2}show +Show how addresses are used$/m)
    assert.doesNotMatch(stdout, /^ {2}apply/m)
  })
  const help = ['', 'node', 'container', 'profile', 'ipam', 'bgp', ...ENTRIES.map(({ path }) => path)]
  for (const words of help) {
    test(`help of "${words}" fits 80 columns, but for usage and examples`, async () => {
      const { stdout } = await cli([...words.split(' ').filter((word) => word !== ''), '--help'])
      const long = stdout
        .split('\n')
        .filter((line) => line.length > 80 && !line.startsWith('Usage:') && !/^ {2}calicoctl /.test(line))
      assert.deepEqual(long, [])
    })
  }
})
