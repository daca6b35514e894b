import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findLogLevel } from './logger.ts'

/** Runs a program that logs and ends at once, and returns the lines it wrote to its standard output. */
function linesOf(program: string, env: Record<string, string> = {}): string[] {
  const source = `import { CalicoError, createLogger } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}\n${program}`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', source], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  })
  assert.equal(status, 0, stderr)
  return stdout.split('\n').slice(0, -1)
}

test('a line has time, level, pid, program and component, message and fields', () => {
  const [line = ''] = linesOf(`
    createLogger({ program: 'felix' }).child({ component: 'iptables' }).warn('Restore failed, will retry', {
      table: 'filter', delayMs: 400n, text: 'two words', err: new CalicoError('CONFLICT', 'bad', { cause: new Error('deep\\ndown') }) })`)
  assert.match(
    line,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[WARNING\]\[\d+\] felix\/iptables 0: Restore failed, will retry /,
  )
  assert.ok(line.endsWith(' table=filter delayMs=400 text="two words" err=CONFLICT: bad (deep\\ndown)'), line)
})

test('secrets never reach a line, whatever the form', () => {
  const program = `createLogger({ program: 'x' }).info('Connecting', { user: 'root', password: 'hunter2', etcdToken: 'hunter2' })`
  for (const format of ['text', 'json']) {
    const [line = ''] = linesOf(program, { CALICO_LOG_FORMAT: format })
    assert.ok(!line.includes('hunter2'), line)
    assert.ok(line.includes('root'), line)
  }
})

test('JSON lines are one object each', () => {
  const [line = ''] = linesOf(
    `createLogger({ program: 'x', json: true }).error('Bad', { count: 2n, err: new Error('why') })`,
  )
  const { level, message, count, err, program } = JSON.parse(line)
  assert.deepEqual([level, message, count, err, program], ['error', 'Bad', '2', 'why', 'x'])
})

test('no line is lost when the process exits at once', () => {
  const lines = linesOf(
    `const log = createLogger({ program: 'x' }); for (let i = 0; i < 20000; i++) log.info('line', { i }); process.exit(0)`,
  )
  assert.equal(lines.length, 20_000)
  assert.ok(lines.at(-1)?.endsWith('i=19999'))
})

test('a field cannot pass itself off as the level or the message', () => {
  const [line = ''] = linesOf(
    `createLogger({ program: 'x' }).info('Level changed', { level: 'error', message: 'forged' })`,
  )
  assert.match(line, /\[INFO\]\[\d+\] x\/main 0: Level changed$/)
})

test('the level filters and can change while running', () => {
  const lines = linesOf(`
    const log = createLogger({ program: 'x', level: 'warn' }); const child = log.child({ component: 'c' })
    child.info('1'); log.setLevel('debug'); child.debug('2'); log.setLevel('none'); child.error('3')`)
  assert.deepEqual(
    lines.map((line) => line.slice(-1)),
    ['2'],
  )
})

test('level names are those of Calico, in any case', () => {
  const rows = [
    ['Info', 'info'],
    ['WARNING', 'warn'],
    ['Fatal', 'fatal'],
    [' debug ', 'debug'],
    ['none', 'none'],
    ['loud', undefined],
  ] as const
  for (const [text, level] of rows) assert.equal(findLogLevel(text), level, text)
})

test('another target has the same lines and a level of its own, and nothing is made that nobody wants', () => {
  const lines = linesOf(`
    const log = createLogger({ program: 'x', level: 'error' })
    const other = []
    log.addTarget((line, level) => other.push(level + line.slice(-1)), 'debug')
    const child = log.child({ component: 'c' })
    child.debug('1'); child.error('2'); log.setLevel('none'); child.error('3'); log.setLevel('info'); child.info('4')
    console.log(other.join(' '))`)
  assert.equal(lines.pop(), 'debug1 error2 error3 info4')
  assert.deepEqual(
    lines.map((line) => line.slice(-1)),
    ['2', '4'],
  )
})
