import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hideSecrets, secretVariables } from './secrets.ts'

describe('hideSecrets()', () => {
  const rows: [text: string, shown: string][] = [
    ['ETCD_PASSWORD=hunter2 NODENAME=a', 'ETCD_PASSWORD=REDACTED NODENAME=a'],
    ['"ETCD_PASSWORD=hunter2",', '"ETCD_PASSWORD=REDACTED",'],
    ['{"password": "hunter 2", "port": 1}', '{"password": REDACTED, "port": 1}'],
    [String.raw`{\"authToken\":\"hunter2\"}`, String.raw`{\"authToken\":REDACTED}`],
    ['  clientSecret: hunter2', '  clientSecret: REDACTED'],
    ['  password "hunter2";', '  password REDACTED;'],
    ['http://root:hunter2@10.0.0.1:2379/', 'http://root:REDACTED@10.0.0.1:2379/'],
    ['a\n-----BEGIN EC PRIVATE KEY-----\nhunter2\nhunter2\n-----END EC PRIVATE KEY-----\nb', 'a\nREDACTED\nb'],
    ['a plain line with s3cr3t-value in it', 'a plain line with REDACTED in it'],
    [String.raw`"NAME=quo\"ted value"`, '"NAME=REDACTED"'],
    ['169.254.1.1 dev cali0 proto 80 scope link', '169.254.1.1 dev cali0 proto 80 scope link'],
    ['http://10.0.0.1:2379 peer a:b@c', 'http://10.0.0.1:2379 peer a:b@c'],
  ]
  for (const [text, shown] of rows)
    test(text, () => assert.equal(hideSecrets(text, ['s3cr3t-value', 'quo"ted value', 'in']), shown))
})

test('secretVariables() takes the values of telling names', () => {
  const variables = ['ETCD_PASSWORD=a=b', 'CALICO_BGP_TOKEN=t', 'NODENAME=n', 'ETCD_KEY_FILE=/k', 'broken']
  assert.deepEqual(secretVariables(variables), ['a=b', 't'])
})
