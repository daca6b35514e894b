import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Param, PARAMS } from './params.ts'
import { envName, fieldName } from './resolve.ts'

const TABLE: [string, Param<unknown>][] = Object.entries(PARAMS)

describe('the parameter table', () => {
  test('names are unique in each source', () => {
    for (const names of [
      TABLE.map(([key, param]) => envName(key, param).toLowerCase()),
      TABLE.flatMap(([key, param]) => fieldName(key, param)?.toLowerCase() ?? []),
    ]) {
      assert.equal(new Set(names).size, names.length)
    }
  })

  const printable = TABLE.filter(([, { type, default: value }]) => type.print(value) !== '')
  for (const [key, { type, default: value }] of printable) {
    test(`the default of ${key} survives being printed and read`, () => {
      const schema = type.name.startsWith('duration') ? type.json : type.text // durations print as in resources
      assert.deepEqual(schema.safeParse(type.print(value)).data, value)
    })
  }

  test('a parameter is marked as idle exactly when no code reads it', () => {
    const root = join(import.meta.dirname, '..')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    const code = files
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('config/'))
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n')
    const elsewhere = /^(Etcd|DatastoreType)/ // the datastore reads its own
    const idle = TABLE.filter(([key]) => !elsewhere.test(key) && !new RegExp(`\\b${key}\\b`).test(code)).map(
      ([key]) => key,
    )
    assert.deepEqual(
      idle,
      TABLE.filter(([, { not }]) => not !== undefined).map(([key]) => key),
    )
  })
})
