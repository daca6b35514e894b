// Runs the benchmarks: figures as text, and all of them in out/bench.json. usage: main.ts [NAME...]
import { mkdirSync, writeFileSync } from 'node:fs'
import { bench as calicoctl } from './calicoctl.ts'
import { bench as bgp } from './bgp.ts'
import { bench as cni } from './cni.ts'
import { bench as datastore } from './datastore.ts'
import { bench as felix } from './felix.ts'
import { bench as image } from './image.ts'
import { bench as lifecycle } from './lifecycle.ts'
import { bench as reaction } from './reaction.ts'
import { bench as routes } from './routes.ts'
import type { Bench, Figure } from './figure.ts'

const BENCHES: readonly Bench[] = [lifecycle, calicoctl, reaction, felix, routes, datastore, bgp, cni, image]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !BENCHES.some((bench) => bench.name === name))
if (unknown.length > 0) {
  console.error(`Unknown benchmark ${unknown.join(', ')}: want ${BENCHES.map((bench) => bench.name).join(', ')}`)
  process.exit(2)
}

const results: { bench: string; figures: Figure[] }[] = []
for (const bench of BENCHES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  console.log(`\n${bench.name}`)
  const figures = await bench.run()
  results.push({ bench: bench.name, figures })
  for (const { name, value, unit, note } of figures) {
    console.log(
      `  ${name.padEnd(48)} ${value.toFixed(unit === 'ms' ? 1 : 0).padStart(9)} ${unit}${note === undefined ? '' : `  (${note})`}`,
    )
  }
}
mkdirSync('out', { recursive: true })
writeFileSync('out/bench.json', `${JSON.stringify({ time: new Date().toISOString(), results }, null, 2)}\n`)
console.log('\nout/bench.json written')
