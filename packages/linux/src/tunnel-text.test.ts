import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { breaksChecksums } from './tunnel-text.ts'

describe('breaksChecksums()', () => {
  const releases: [release: string, breaks: boolean][] = [
    ['4.18.0-553.el8.x86_64', true],
    ['5.7.19', true],
    ['5.8.0', false],
    ['5.15.0-91-generic', false],
    ['6.18.1+', false],
  ]
  for (const [release, breaks] of releases)
    test(`${release}: ${breaks}`, () => assert.equal(breaksChecksums(release), breaks))
})
