import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseEndpoints } from './endpoints.ts'

describe('parseEndpoints()', () => {
  const accepted: [why: string, text: string, secure: boolean, expected: string[]][] = [
    ['keeps what is clean', 'http://a:2379,http://b:2380', false, ['http://a:2379', 'http://b:2380']],
    ['drops slashes, blanks and empty words', ' http://a:1/ ,, http://b:2// ', false, ['http://a:1', 'http://b:2']],
    [
      'takes blanks and line ends for commas',
      'http://a:1\nhttp://b:2 http://c:3',
      false,
      ['http://a:1', 'http://b:2', 'http://c:3'],
    ],
    ['fills in the port', 'http://a', false, ['http://a:2379']],
    ['keeps the port that is the default of http', 'http://a:80', false, ['http://a:80']],
    ['fills in http', 'a:1', false, ['http://a:1']],
    ['fills in https where certificates are given', 'a:1', true, ['https://a:1']],
    ['takes IPv6', 'https://[FD00::1]:2379,https://[::1]', false, ['https://[fd00::1]:2379', 'https://[::1]:2379']],
    ['names each endpoint once', 'http://A:1,http://a:1/', false, ['http://a:1']],
    ['finds nothing in nothing', ' , ', false, []],
  ]
  for (const [why, text, secure, expected] of accepted) {
    test(`${why}: ${JSON.stringify(text)}`, () => assert.deepEqual(parseEndpoints(text, { secure }), expected))
  }
  for (const text of [
    'ftp://a:1',
    'http://a:0',
    'http://a:65536',
    'http://a:1/v3',
    'http://u:p@a:1',
    'unix:///run/etcd',
    'http://',
    'http://a:b',
    'http://::1:2379',
    'http://a:1;http://b:1',
    'http://a:1,https://b:1',
    '-a:1',
  ]) {
    test(`rejects ${text}`, () => assert.throws(() => parseEndpoints(text, { secure: false }), { code: 'INVALID' }))
  }
})
