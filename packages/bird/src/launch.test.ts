import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { birdArguments, birdFiles, findIpVersion, findProgram } from './launch.ts'

describe('findIpVersion()', () => {
  const cases: [word: string | undefined, version: 4 | 6 | undefined][] = [
    ['4', 4],
    ['6', 6],
    ['bird', 4],
    ['bird6', 6],
    ['5', undefined],
    ['', undefined],
    [undefined, undefined],
  ]
  for (const [word, version] of cases) test(`"${word}" is ${version}`, () => assert.equal(findIpVersion(word), version))
})

describe('birdFiles() and birdArguments()', () => {
  test('have the places that calicoctl looks in', () => {
    assert.deepEqual(birdArguments(birdFiles(4, {}), false), [
      'bird',
      '-d',
      '-c',
      '/etc/calico/confd/config/bird.cfg',
      '-s',
      '/var/run/calico/bird.ctl',
    ])
  })
  test('follow the environment; -R only for a restart', () => {
    const files = birdFiles(6, { CALICO_CONFD_CONFIG_DIR: '/c', CALICO_BIRD_RUN_DIR: '/r' })
    assert.deepEqual(birdArguments(files, true), ['bird6', '-d', '-c', '/c/bird6.cfg', '-s', '/r/bird6.ctl', '-R'])
  })
  test('empty variables count as unset', () => {
    assert.equal(birdFiles(4, { CALICO_BIRD_RUN_DIR: '' }).socket, '/var/run/calico/bird.ctl')
  })
})

test('findProgram() names what it cannot find', () => {
  assert.throws(() => findProgram('no-such-bird'), { code: 'COMMAND_MISSING' })
})
