/**
 * The differential test: random resources, random packets, and the kernel's verdict against the reference's. On a mismatch
 * the scenario is made small against the kernel and printed with what the reference thought.
 */
import type { Resource } from '@calico-node/model'
import type { Verdict } from '@calico-node/policy'
import { type Mismatch, Scene, type SceneOptions } from '../kernel/scene.ts'
import { UPLINK } from '../kernel/wires.ts'
import { Coverage } from './coverage.ts'
import { homesOf, randomShots } from './packets.ts'
import { Random } from './random.ts'
import { randomResources } from './resources.ts'
import { shrink } from './shrink.ts'
import { WORKLOADS } from './vocabulary.ts'

export interface RunOptions {
  readonly seed: number
  readonly variant: SceneOptions['variant']
  /** How many packets a scenario gets. */
  readonly shots: number
  /** How many scenarios one host goes through before a new one starts from nothing. */
  readonly scenariosEachHost: number
  /** Before each so many scenarios Felix is killed, and finds the next one when it comes back. */
  readonly scenariosEachLife: number
  readonly endpointToHostAction: NonNullable<SceneOptions['endpointToHostAction']>
  /** Asked before each scenario, with what was covered so far. */
  readonly goOn: (coverage: Coverage) => boolean
}

/** So long a scenario is made smaller. */
const SHRINK_MS = 120_000

/** A scenario that shows a mismatch, as small as it could be made. */
export class MismatchError extends Error {
  constructor(seed: number, resources: readonly Resource[], { shot, kernel, reference }: Mismatch) {
    const scenario = JSON.stringify({ seed, shot, resources }, undefined, 1)
    super(`The kernel says ${kernel}, the reference ${pathOf(reference)}\n${scenario}`)
    this.name = 'MismatchError'
  }
}

const pathOf = ({ action, stages }: Verdict): string =>
  [
    `${action}:`,
    ...stages.flatMap((stage) => [
      `  ${stage.kind} ${stage.direction} of ${stage.endpoint}: ${stage.action}, ${JSON.stringify(stage.decision)}`,
      ...stage.steps.map(
        (step) =>
          `    ${step.where}${step.rule === undefined ? '' : ` rule ${step.rule}`}: ${step.outcome}${step.note === undefined ? '' : ` (${step.note})`}`,
      ),
    ]),
  ].join('\n')

/** Runs scenario after scenario; each seed stands for one. @throws MismatchError at the first mismatch */
export async function runDifferential(options: RunOptions, coverage = new Coverage()): Promise<Coverage> {
  let seed = options.seed
  while (options.goOn(coverage)) {
    const { variant, endpointToHostAction } = options
    const scene = await Scene.create({ variant, endpointToHostAction, workloads: WORKLOADS })
    try {
      for (let index = 0; index < options.scenariosEachHost && options.goOn(coverage); index++) {
        const way = index === 0 ? 'start' : index % options.scenariosEachLife === 0 ? 'restart' : 'change'
        await runScenario(scene, { seed: seed++, way, shots: options.shots }, coverage)
      }
    } finally {
      await scene.stop()
    }
  }
  return coverage
}

/** How a host comes to hold a scenario. */
type Way = 'start' | 'restart' | 'change'
const ENTER: Readonly<Record<Way, (scene: Scene, resources: readonly Resource[]) => Promise<void>>> = {
  start: (scene, resources) => scene.start(resources),
  restart: (scene, resources) => scene.restart(resources),
  change: (scene, resources) => scene.felix.apply(resources),
}

async function runScenario(
  scene: Scene,
  { seed, way, shots: count }: { seed: number; way: Way; shots: number },
  coverage: Coverage,
): Promise<void> {
  const random = new Random(seed)
  const resources = randomResources(random)
  await ENTER[way](scene, resources)
  const shots = randomShots(random, resources, { reference: scene.referenceFor(resources), count })
  const { verdicts, mismatches, late } = await scene.compare(resources, shots)
  coverage.addScenario(resources, way)
  coverage.late += late
  for (const [at, shot] of shots.entries()) {
    const verdict = verdicts[at]
    if (verdict !== undefined) coverage.addCase(shot, verdict)
  }
  const [first] = mismatches
  if (first === undefined) return
  const file = scene.writeState(`policy-mismatch-${seed}`)
  console.log(`the state of the kernel and what Felix said are in ${file}`)
  console.log(`seed ${seed}: ${mismatches.length} mismatches, the scenario is made smaller`)
  throw await smallest(scene, { seed, resources, first })
}

async function smallest(
  scene: Scene,
  { seed, resources, first }: { seed: number; resources: readonly Resource[]; first: Mismatch },
): Promise<MismatchError> {
  let mismatch = first
  const small = await shrink(
    resources,
    async (fewer) => {
      // Without its endpoint, an address is somewhere outside.
      const shot = { ...first.shot, to: homesOf(fewer).get(first.shot.packet.destination) ?? UPLINK }
      await scene.felix.apply(fewer)
      const [found] = (await scene.compare(fewer, [shot], 1000)).mismatches
      if (found !== undefined) mismatch = found
      return found !== undefined
    },
    SHRINK_MS,
  )
  return new MismatchError(seed, small, mismatch)
}
