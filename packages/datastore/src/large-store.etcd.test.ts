/** A store of 50 000 resources is read in little time and memory. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Etcd3 } from 'etcd3'
import { withEtcd } from '@calico-node/testkit'

const KEYS = 50_000
const VALUE = 'x'.repeat(660)

/** Reads everything in a process of its own, so that its memory can be told. */
const READER = `
  import { quietLogger } from '@calico-node/core'
  import { openEtcd, sync } from '@calico-node/datastore'
  const store = openEtcd({ endpoints: [process.argv[1]] }, quietLogger)
  await store.get('/')
  const base = process.memoryUsage.rss()
  let keys = 0
  for await (const event of sync(store, ['/load/'], { log: quietLogger, signal: new AbortController().signal })) {
    if (event.kind === 'updates') keys += event.updates.length
    if (event.kind === 'in-sync') break
  }
  console.log(JSON.stringify({ keys, grownMB: process.resourceUsage().maxRSS / 1024 - base / 1048576 }))
  store.close()`

async function fill(url: string): Promise<void> {
  const etcd = new Etcd3({ hosts: url })
  for (let i = 0; i < KEYS; i += 800) {
    const txns = Array.from({ length: 8 }, (_, j) =>
      Array.from({ length: 100 }, (_, k) => i + j * 100 + k).filter((n) => n < KEYS),
    )
    await Promise.all(
      txns
        .filter((numbers) => numbers.length > 0)
        .map((numbers) =>
          etcd.kv.txn({
            success: numbers.map((n) => ({
              request_put: { key: Buffer.from(`/load/${n}`), value: Buffer.from(VALUE) },
            })),
          }),
        ),
    )
  }
  etcd.close()
}

test(`${KEYS} resources are followed with less than 250 MB`, () =>
  withEtcd({}, async (etcd) => {
    const [url = ''] = etcd.urls
    await fill(url)
    const args = ['--input-type=module', '-e', READER, url]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
    const { keys, grownMB }: { keys: number; grownMB: number } = JSON.parse(stdout)
    assert.equal(keys, KEYS)
    assert.ok(grownMB < 250, `grew by ${Math.round(grownMB)} MB`)
  }))
