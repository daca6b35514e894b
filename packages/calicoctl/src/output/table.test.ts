import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderColumns, renderGrid } from './table.ts'

describe('renderColumns()', () => {
  test('pads the last column too and ends with an empty line', () => {
    assert.equal(renderColumns(['NAME', 'ASN'], [['host-a', '64520']]), 'NAME     ASN     \nhost-a   64520   \n\n')
  })
  test('shows headings alone when there is nothing', () => {
    assert.equal(renderColumns(['NAME'], []), 'NAME   \n\n')
  })
  test('keeps short columns at least five wide', () => {
    assert.equal(renderColumns(['A'], [['x']]), 'A    \nx    \n\n')
  })
})

describe('renderGrid()', () => {
  test('centres headings and puts numbers right', () => {
    assert.equal(
      renderGrid(
        ['PROPERTY', 'VALUE'],
        [
          ['StrictAffinity', 'false'],
          ['MaxBlocksPerHost', '0'],
        ],
      ),
      '+------------------+-------+\n' +
        '|     PROPERTY     | VALUE |\n' +
        '+------------------+-------+\n' +
        '| StrictAffinity   | false |\n' +
        '| MaxBlocksPerHost |     0 |\n' +
        '+------------------+-------+\n',
    )
  })
  test('closes an empty table', () => {
    assert.equal(renderGrid(['IP'], []), '+----+\n| IP |\n+----+\n+----+\n')
  })
})
