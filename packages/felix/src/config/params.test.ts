import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Param, PARAMS } from './params.ts'
import { renderFelixReference } from './reference.ts'
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

  test('the reference has one row for each parameter', () => {
    const text = renderFelixReference()
    for (const [key, param] of TABLE) {
      assert.equal(text.split('\n').filter((line) => line.startsWith(`| \`${envName(key, param)}\` `)).length, 1, key)
    }
  })
})
