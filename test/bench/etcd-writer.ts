// Runs on the etcd machine of a lab: puts each line "KEY VALUE" of its input, and says when (milliseconds since the epoch) the
// put was acknowledged. etcd's JSON gateway serves, so that nothing but Node is needed. usage: etcd-writer.ts ENDPOINT
import { createInterface } from 'node:readline'

const endpoint = process.argv[2] ?? ''
const base64 = (text: string): string => Buffer.from(text).toString('base64')
for await (const line of createInterface({ input: process.stdin })) {
  const space = line.indexOf(' ')
  const body = JSON.stringify({ key: base64(line.slice(0, space)), value: base64(line.slice(space + 1)) })
  const response = await fetch(`${endpoint}/v3/kv/put`, { method: 'POST', body })
  if (!response.ok) throw new Error(`put failed: ${response.status} ${await response.text()}`)
  process.stdout.write(`${performance.timeOrigin + performance.now()}\n`)
}
