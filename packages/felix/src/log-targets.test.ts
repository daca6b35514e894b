import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createLogger, quietLogger } from '@calico-node/core'
import { environmentLayer } from './config/layers.ts'
import { resolveFelixConfig } from './config/resolve.ts'
import { addLogTargets } from './log-targets.ts'
import { Problems } from './status/problems.ts'

describe('addLogTargets()', () => {
  const directory = mkdtempSync(join(tmpdir(), 'log-targets-'))
  after(() => rmSync(directory, { recursive: true }))
  const withParameters = (parameters: Record<string, string>) => {
    const log = createLogger({ program: 'felix', level: 'none' })
    const problems = new Problems({ log: quietLogger })
    addLogTargets(resolveFelixConfig([environmentLayer(parameters)]).config, log, problems)
    return { log, problems }
  }

  test('a file gets the lines of its level, whatever the screen does, and is appended to', () => {
    const path = join(directory, 'new', 'felix.log')
    const parameters = { FELIX_LOGSEVERITYFILE: 'Warning', FELIX_LOGFILEPATH: path }
    withParameters(parameters).log.warn('first')
    const { log, problems } = withParameters(parameters)
    log.info('too little')
    log.child({ component: 'part' }).error('second', { why: 'x' })
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
    assert.deepEqual(
      lines.map((line) => line.replace(/^.*?felix\//, '')),
      ['main 0: first', 'part 0: second why=x'],
    )
    assert.deepEqual(problems.list(), [])
  })

  test('a file that cannot be written is told as a problem, and nothing else happens', () => {
    writeFileSync(join(directory, 'plain'), '')
    const { problems } = withParameters({
      FELIX_LOGSEVERITYFILE: 'Info',
      FELIX_LOGFILEPATH: join(directory, 'plain', 'felix.log'),
    })
    assert.match(problems.list()[0]?.reason ?? '', /^Cannot write the log to .*plain\/felix\.log: E/)
  })

  test('by default there is no other target', () => {
    const { log, problems } = withParameters({ FELIX_LOGFILEPATH: join(directory, 'none.log') })
    log.error('unheard')
    assert.throws(() => readFileSync(join(directory, 'none.log')), { code: 'ENOENT' })
    assert.deepEqual(problems.list(), [])
  })
})
