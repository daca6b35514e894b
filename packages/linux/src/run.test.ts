import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import { commandError } from './command-error.ts'
import { run, runTool } from './run.ts'

for (const start of [run, runTool]) {
  describe(`${start.name}()`, () => {
    const sh = (script: string, opts: Parameters<typeof run>[2] = {}): Promise<string> =>
      start('sh', ['-c', script], opts)

    test('returns what was printed, to the last newline', async () =>
      assert.equal(await sh('echo a; echo b'), 'a\nb\n'))
    test('feeds and closes standard input', async () => assert.equal(await sh('cat', { input: 'x\ny' }), 'x\ny'))
    test('has nothing to read without input', async () => assert.equal(await sh('cat'), ''))
    test('adds to the environment', async () =>
      assert.equal(await sh('echo $HOME-$X', { env: { HOME: '/h', X: 'y' } }), '/h-y\n'))
    test('survives a command that does not read its input', async () => {
      assert.equal(await sh('exec <&-; echo done', { input: 'x'.repeat(1_000_000) }), 'done\n')
    })
    test('a failure carries status, words and the line of the input that was refused', async () => {
      const failing = sh('cat >/dev/null; echo "Error occurred at line: 2" >&2; exit 3', { input: 'one\ntwo\nthree' })
      await assert.rejects(failing, (err: unknown) => {
        assert.ok(err instanceof CalicoError)
        assert.equal(err.code, 'COMMAND_FAILED')
        assert.match(err.message, /^Cannot run sh: Error occurred at line: 2 \(input line 2: two\)$/)
        const { exitCode, failingLine, failingLineNumber } = err.context
        assert.deepEqual(
          { exitCode, failingLine, failingLineNumber },
          { exitCode: 3, failingLine: 'two', failingLineNumber: 2 },
        )
        return true
      })
    })
    test('a success may have something to say', async () => {
      const said: string[] = []
      assert.equal(await sh('echo out; echo careful >&2', { onWarning: (text) => said.push(text) }), 'out\n')
      assert.deepEqual(said, ['careful\n'])
    })
    test('a program that does not exist is COMMAND_MISSING', async () => {
      await assert.rejects(start('no-such-program', []), {
        code: 'COMMAND_MISSING',
        message: 'Cannot run no-such-program: no such program',
      })
    })
    test('one that does not end is TIMED_OUT, and killed', async () => {
      await assert.rejects(start('sleep', ['60'], { timeoutMs: 50 }), {
        code: 'TIMED_OUT',
        message: 'Cannot run sleep: no exit within 50 ms',
      })
    })
    test('one that prints without end is stopped', async () => {
      await assert.rejects(start('yes', [], { maxOutputBytes: 10_000 }), { code: 'COMMAND_FAILED' })
    })
    test('an abort ends it', async () => {
      await assert.rejects(start('sleep', ['60'], { signal: AbortSignal.timeout(50) }), { code: 'COMMAND_FAILED' })
    })
  })
}

test('run(), attached: the streams are its own, no time limit ends it, and its exit status counts', async () => {
  const opts = { attached: true, timeoutMs: 1 }
  assert.equal(await run('sh', ['-c', 'sleep 0.1; test -e /proc/self/fd/0'], opts), '')
  await assert.rejects(run('sh', ['-c', 'exit 3'], opts), (err: CalicoError) => err.context['exitCode'] === 3)
})

describe('commandError() finds the refused line in the words of', () => {
  const dialects: [tool: string, stderr: string, line: number | undefined][] = [
    [
      'iptables-legacy-restore',
      "iptables-restore v1.8.9 (legacy): Set x doesn't exist.\n\nError occurred at line: 2\nTry `iptables-restore -h' ...",
      2,
    ],
    ['iptables-legacy-restore at commit', 'iptables-restore: line 3 failed\n', 3],
    [
      'iptables-nft-restore',
      'iptables-nft-restore v1.8.9 (nf_tables): \nline 1: RULE_APPEND failed (Invalid argument): rule in chain cali-a\n',
      1,
    ],
    ['ipset', 'ipset v7.17: Error in line 3: Hash is full, cannot add more elements\n', 3],
    ['somebody else', 'something is wrong\n', undefined],
  ]
  for (const [tool, stderr, line] of dialects) {
    test(tool, () => {
      const { context, message } = commandError({ file: tool, args: [], input: 'l1\nl2\nl3', stderr, exitCode: 1 })
      assert.equal(context['failingLineNumber'], line)
      assert.equal(context['failingLine'], line === undefined ? undefined : `l${line}`)
      assert.ok(!message.includes('Try `'))
    })
  }
})
