import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'

const PROGRAM = `
  import { runProgram } from ${JSON.stringify(new URL('./program.ts', import.meta.url).href)}
  await runProgram({
    name: 'sample',
    usage: 'usage: sample [--loud] WORD\\n',
    options: { loud: { type: 'boolean', default: false } },
    allowPositionals: true,
    run: async ({ loud }, [word]) => {
      if (word === undefined) throw new Error('want a word')
      process.stdout.write(process.title + ' ' + (loud ? word.toUpperCase() : word))
      return 7
    },
  })`

const play = (...words: string[]): Promise<[status: number, stdout: string, stderr: string]> =>
  new Promise((resolve) => {
    const env = { ...process.env, CALICO_BUILD_VERSION: '1.2.3' }
    const args = ['--input-type=module', '-e', PROGRAM, '--', ...words]
    const child = execFile(process.execPath, args, { env }, (_err, stdout, stderr) =>
      resolve([child.exitCode ?? -1, stdout, stderr]),
    )
  })

test('runProgram: options, words, --help, --version, and errors in one line', async () => {
  const rows: [words: string[], expected: [number, string, string]][] = [
    [['hello'], [7, 'sample hello', '']],
    [
      ['--loud', 'hello'],
      [7, 'sample HELLO', ''],
    ],
    [['-h'], [0, 'usage: sample [--loud] WORD\n', '']],
    [
      ['--version', 'hello'],
      [0, '1.2.3\n', ''],
    ],
    [['--loud=3'], [1, '', "sample: Option '--loud' does not take an argument\n"]],
    [[], [1, '', 'sample: want a word\n']],
  ]
  const seen = await Promise.all(rows.map(async ([words]) => play(...words)))
  assert.deepEqual(
    seen,
    rows.map(([, expected]) => expected),
  )
})
