import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseLifecycle } from './document.ts'
import { EXPECTATIONS } from './expectations.ts'

const sections = parseLifecycle(readFileSync(new URL('../../../../docs/lifecycle.md', import.meta.url), 'utf8'))

test('commands are taken from console blocks only, with their host', () => {
  const text =
    '# x\n## 1. One\n```console\nhost1# do this\nsome output\n```\nhost2# not this\n## 2. Two\n```sh\nhost1# nor this\n```\n'
  assert.deepEqual(parseLifecycle(text), [
    { number: 1, title: 'One', commands: [{ host: 'host1', text: 'do this' }] },
    { number: 2, title: 'Two', commands: [] },
  ])
})

test('each section of the lifecycle has commands and expectations, and no expectation lacks its section', () => {
  assert.deepEqual(
    sections.map((section) => section.number),
    [...EXPECTATIONS.keys()],
  )
  for (const section of sections) {
    assert.ok(section.commands.length > 0, `section ${section.number} has no commands`)
    assert.ok((EXPECTATIONS.get(section.number) ?? []).length > 0, `section ${section.number} has no expectations`)
  }
})

test('the lifecycle plays on host1 and host2', () => {
  const hosts = new Set(sections.flatMap((section) => section.commands.map((command) => command.host)))
  assert.deepEqual([...hosts].toSorted(), ['host1', 'host2'])
})
