// Runs the suites and ends with one line over all of them. usage: test.ts [SUITE...] [--files SUBSTRING]
// Every test file is a process of its own; those that touch the kernel get namespaces of their own (in-netns.sh).
// A file of a suite that depends on the machine's speed and that fails is run once more, alone, and named in the output.
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

interface Tally {
  passed: number
  failed: number
  skipped: number
}
interface Suite {
  readonly name: string
  readonly parallel: number
  readonly secondChance?: true
  readonly jobs: readonly Job[]
}
interface Job {
  readonly name: string
  readonly command: readonly string[]
  readonly isTestFile: boolean
}

const FILE_DEADLINE_MS = 15 * 60_000
const cores = Math.max(2, availableParallelism())

const [suiteNames, filter] = ((): [string[], string] => {
  const args = process.argv.slice(2)
  const at = args.indexOf('--files')
  return at < 0 ? [args, ''] : [args.slice(0, at), args[at + 1] ?? '']
})()

const files = (pattern: string, exclude?: RegExp): string[] =>
  globSync(pattern)
    .filter((file) => !(exclude?.test(file) ?? false) && file.includes(filter))
    .toSorted()

const plain = (file: string): Job => ({ name: file, command: [process.execPath, '--test', file], isTestFile: true })
const inNetns = (file: string): Job => ({
  name: file,
  command: ['scripts/in-netns.sh', process.execPath, '--test', file],
  isTestFile: true,
})
/** Without a process for each file: starting one takes seconds under emulation. */
const inVm = (file: string): Job => ({
  ...inNetns(file),
  command: ['scripts/in-vm.sh', process.execPath, '--test', '--test-isolation=none', '--test-force-exit', file],
})
const check = (name: string, ...command: string[]): Job => ({ name, command, isTestFile: false })

const SUITES: readonly Suite[] = [
  {
    name: 'check',
    parallel: 1,
    jobs: [
      check('types', 'tsc', '-b', '--singleThreaded'),
      check('lint', 'oxlint', '--type-aware', '--deny-warnings', 'packages', 'scripts', 'test'),
      check('format', 'biome', 'format', '.'),
      check('project references', process.execPath, 'scripts/sync-tsconfig.ts', '--check'),
      check('layers', process.execPath, 'scripts/check-layers.ts'),
      check('references', process.execPath, 'scripts/generate-reference.ts', '--check'),
    ],
  },
  {
    name: 'unit',
    parallel: cores,
    jobs: files('packages/*/src/**/*.test.ts', /\.(etcd|netns|bird)\.test\.ts$/).map(plain),
  },
  { name: 'etcd', parallel: cores, secondChance: true, jobs: files('packages/*/src/**/*.etcd.test.ts').map(inNetns) },
  { name: 'netns', parallel: cores, secondChance: true, jobs: files('packages/*/src/**/*.netns.test.ts').map(inNetns) },
  { name: 'bird', parallel: cores, secondChance: true, jobs: files('packages/*/src/**/*.bird.test.ts').map(inNetns) },
  {
    name: 'system',
    parallel: cores,
    secondChance: true,
    jobs: files('test/**/*.test.ts', /^test\/(vm|image)\//).map(inNetns),
  },
  {
    name: 'image',
    parallel: 2, // they wait more than they work
    secondChance: true,
    jobs: [
      ...files('test/image/*.test.ts').map(inNetns),
      ...(filter === '' ? [check('the same layers twice', 'image/own-engine.sh', 'image/reproducible.sh')] : []),
    ],
  },
  { name: 'vm', parallel: 1, secondChance: true, jobs: files('test/vm/*.test.ts').map(inVm) },
]

/** Runs one job; its output is kept and shown only when it fails. */
async function runJob(job: Job): Promise<{ tally: Tally; output: string; ms: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'calico-test-'))
  const tap = join(dir, 'tap')
  const reporters = job.isTestFile
    ? [
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        '--test-reporter=tap',
        `--test-reporter-destination=${tap}`,
      ]
    : []
  const [file = '', ...args] = job.command
  const at = args.indexOf('--test')
  const full = at < 0 ? args : [...args.slice(0, at + 1), ...reporters, ...args.slice(at + 1)]
  const started = performance.now()
  const child = spawn(file, full, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0', VM_SHARE: dir },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const timer = setTimeout(() => {
    output += `\n${job.name}: no end within ${FILE_DEADLINE_MS / 60_000} minutes, killed\n`
    child.kill('SIGKILL')
  }, FILE_DEADLINE_MS)
  const code = await new Promise<number>((done) => {
    child.on('error', (err) => {
      output += String(err)
      done(127)
    })
    child.on('close', (status) => done(status ?? 1))
  })
  clearTimeout(timer)
  const tally = job.isTestFile
    ? readTally(tap, code)
    : { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
  rmSync(dir, { recursive: true, force: true })
  return { tally, output, ms: performance.now() - started }
}

/** A file that ran no test, or that exited non-zero without a failed test, counts as one failure. */
function readTally(tap: string, code: number): Tally {
  let text = ''
  try {
    text = readFileSync(tap, 'utf8')
  } catch {
    /* the process died before it wrote */
  }
  const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  const tally = {
    passed: count('pass'),
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
  }
  if (tally.passed + tally.failed === 0 || (code !== 0 && tally.failed === 0)) tally.failed += 1
  return tally
}

async function runSuite(suite: Suite): Promise<Tally> {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 }
  const queue = [...suite.jobs]
  const again: Job[] = []
  const started = performance.now()
  const slow: { name: string; ms: number }[] = []
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { tally, output, ms } = await runJob(job)
      if (tally.failed > 0) console.log(`\n--- ${job.name} FAILED\n${output.trimEnd()}\n---`)
      if (tally.failed > 0 && suite.secondChance === true) {
        again.push(job)
        continue
      }
      total.passed += tally.passed
      total.failed += tally.failed
      total.skipped += tally.skipped
      slow.push({ name: job.name, ms })
    }
  }
  await Promise.all(Array.from({ length: suite.parallel }, worker))
  for (const job of again) {
    const { tally, output } = await runJob(job)
    total.passed += tally.passed
    total.failed += tally.failed
    total.skipped += tally.skipped
    console.log(
      tally.failed > 0
        ? `\n--- ${job.name} FAILED again, alone\n${output.trimEnd()}\n---`
        : `${job.name} passed when it ran again, alone`,
    )
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const worst = slow
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, 3)
    .map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(1)} s`)
  console.log(
    `${suite.name.padEnd(7)} ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped in ${seconds} s  (${worst.join(', ')})`,
  )
  return total
}

const unknown = suiteNames.filter((name) => !SUITES.some((suite) => suite.name === name))
if (unknown.length > 0) {
  console.error(`Unknown suite ${unknown.join(', ')}: want ${SUITES.map((suite) => suite.name).join(', ')}`)
  process.exit(2)
}
const sum: Tally = { passed: 0, failed: 0, skipped: 0 }
for (const suite of SUITES) {
  if (suiteNames.length > 0 && !suiteNames.includes(suite.name)) continue
  if (suite.jobs.length === 0) continue
  const tally = await runSuite(suite)
  sum.passed += tally.passed
  sum.failed += tally.failed
  sum.skipped += tally.skipped
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0
