import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ENTRIES } from '../commands/registry.ts'
import { renderManPages } from './man.ts'

const pages = await renderManPages(ENTRIES)

describe('manual pages', () => {
  test('are one for the program and one for each command', () => {
    assert.equal(pages.size, ENTRIES.filter(({ alias }) => alias !== true).length + 1)
    assert.ok(pages.has('calicoctl.1') && pages.has('calicoctl-node-run.1'))
  })
  for (const [file, text] of pages) {
    test(`${file} has what a page must have, in lines that roff understands`, () => {
      assert.match(text, /^\.TH CALICOCTL\S* 1 .*\n\.SH NAME\ncalicoctl\S* \\- \S/)
      assert.match(text, /^\.SH SYNOPSIS$/m)
      const requests = text.match(/^\.\S*/gm) ?? []
      const known = ['.TH', '.SH', '.SS', '.TP', '.B', '.BR', '.I', '.EX', '.EE']
      assert.deepEqual(
        requests.filter((request) => !known.includes(request)),
        [],
      )
      assert.doesNotMatch(text, /[^\\]--|undefined/)
    })
  }
  test('the page of the program refers to every other', () => {
    const named = (pages.get('calicoctl.1') ?? '').match(/^\.BR \S+ \(1\)$/gm) ?? []
    assert.equal(named.length, pages.size - 1)
  })
})
