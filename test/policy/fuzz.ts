/**
 * The differential test without an end: `make fuzz SECONDS=n SEED=s`. The two iptables variants take turns, scenario after
 * scenario with rising seeds; it ends at the first mismatch, which it prints as small as it can make it, or with the time.
 * Needs root and a network namespace of its own (in-netns.sh).
 */
import { VARIANTS } from './kernel/felix-node.ts'
import { Coverage } from './random/coverage.ts'
import { MismatchError, runDifferential } from './random/differential.ts'

const SCENARIOS_EACH_HOST = 12
const LIVES = { shots: 200, scenariosEachHost: SCENARIOS_EACH_HOST, scenariosEachLife: 4 }
const ACTIONS = ['Drop', 'Return', 'Accept'] as const

const seconds = Number(process.env['SECONDS'] ?? 60)
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const coverage = new Coverage()
const end = performance.now() + seconds * 1000
console.log(`Fuzzing for ${seconds} s from seed ${seed}`)
try {
  for (let round = 0; performance.now() < end; round++) {
    const last = coverage.scenarios + SCENARIOS_EACH_HOST
    await runDifferential(
      {
        seed: seed + coverage.scenarios,
        variant: VARIANTS[round % VARIANTS.length] ?? 'legacy',
        endpointToHostAction: ACTIONS[round % ACTIONS.length] ?? 'Drop',
        ...LIVES,
        goOn: ({ scenarios }) => scenarios < last && performance.now() < end,
      },
      coverage,
    )
    console.log(
      `${coverage.cases} cases in ${coverage.scenarios} scenarios, no mismatch; next seed ${seed + coverage.scenarios}`,
    )
  }
} catch (err) {
  if (!(err instanceof MismatchError)) throw err
  console.log(err.message)
  process.exitCode = 1
}
console.log(String(coverage))
