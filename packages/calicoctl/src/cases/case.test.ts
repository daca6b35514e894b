/**
 * What a case of the table is, and how it is run: one command on the scene below, with everything that can be seen of it.
 * The tables are ../testdata/cases-*.yaml; `RECORD_CASES=1` writes down what commands do now, to be read before it is kept.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { waitFor } from '@calico-node/core'
import { dump, load } from 'js-yaml'
import { z } from 'zod'
import { type CliInput, type TestCluster } from '../harness.test.ts'

const caseSchema = z.strictObject({
  /** After `calicoctl`, as a shell would be given it; DIR is a folder with the files below. */
  line: z.string(),
  /** Commands that set the scene further. */
  before: z.array(z.string()).default([]),
  stdin: z.string().optional(),
  env: z.record(z.string(), z.string()).default({}),
  /** What is typed when the command asks. */
  answer: z.string().optional(),
  /** Ctrl-C once standard output has this. */
  until: z.string().optional(),
  exit: z.number().default(0),
  stdout: z.string().default(''),
  stderr: z.string().default(''),
  /** Keys that were added, changed or deleted, below /calico/. */
  changes: z.array(z.string()).default([]),
})
export type Case = z.output<typeof caseSchema>

const tableOf = (name: string): string => join(import.meta.dirname, `../testdata/cases-${name}.yaml`)
export const readCases = (name: string): Case[] => z.array(caseSchema).parse(load(readFileSync(tableOf(name), 'utf8')))

/** Words of a line, as a shell would split them. */
export const shellWords = (line: string): string[] =>
  (line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  )

const RESOURCES = 'resources/v3/projectcalico.org/'
type Store = Readonly<Record<string, string>>

function changesOf(before: Store, after: Store): string[] {
  const sign = (key: string): string => (before[key] === undefined ? '+' : after[key] === undefined ? '-' : '~')
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key])
    .map((key) => `${sign(key)} ${key.slice('/calico/'.length).replace(RESOURCES, '')}`)
    .toSorted()
}

/** A folder of files for the cases; the caller removes it. */
export function caseFolder(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'cases-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}

export interface CaseRunner {
  readonly cluster: TestCluster
  readonly dir: string
  /** Puts the host back into the state in which a case begins. */
  readonly reset?: () => Promise<void>
  /** Everything that the store holds when a case begins. */
  readonly scene: Store
  /** What differs from run to run, and what stands for it. */
  readonly variable: readonly (readonly [pattern: RegExp, name: string])[]
}

/** Makes the store what it was when the first case began. */
async function restore(cluster: TestCluster, scene: Store): Promise<void> {
  const now = await cluster.everything()
  for (const key of Object.keys(now)) if (scene[key] === undefined) await cluster.store.delete(key)
  for (const [key, value] of Object.entries(scene)) if (now[key] !== value) await cluster.store.put(key, value)
}

/** Runs one case from the scene on. @returns the case with what was seen */
async function perform({ cluster, dir, scene, variable, reset }: CaseRunner, one: Case): Promise<Case> {
  await reset?.()
  await restore(cluster, scene)
  const words = (line: string): string[] => shellWords(line.replaceAll('DIR', dir))
  for (const line of one.before) {
    const { exit, stderr } = await cluster.cli(words(line), { env: one.env })
    assert.equal(exit, 0, `${line}: ${stderr}`)
  }
  const held = await cluster.everything()
  const interrupt = new AbortController()
  let seen = ''
  const input: CliInput = {
    env: one.env,
    signal: interrupt.signal,
    onOutput: (text) => {
      seen += text
    },
    ...(one.stdin !== undefined && { stdin: one.stdin }),
    ...(one.answer !== undefined && { answer: one.answer }),
  }
  const running = cluster.cli(words(one.line), input)
  const { until } = one
  if (until !== undefined) {
    await waitFor(`"${until}" from ${one.line}`, () => seen.includes(until))
    interrupt.abort()
  }
  const { exit, stdout, stderr } = await running
  const steady = (text: string): string =>
    [[new RegExp(dir, 'g'), 'DIR'] as const, ...variable].reduce(
      (all, [pattern, name]) => all.replace(pattern, name),
      text,
    )
  const changes = changesOf(held, await cluster.everything()).map(steady)
  return { ...one, exit, stdout: steady(stdout), stderr: steady(stderr), changes }
}

/** @throws when what is seen is not what the table says */
export async function checkCase(runner: CaseRunner, one: Case): Promise<void> {
  assert.deepEqual(await perform(runner, one), one)
}

/** Writes the table anew, with what commands do now. */
export async function recordCases(name: string, runner: CaseRunner): Promise<void> {
  const cases: Partial<Case>[] = []
  for (const one of readCases(name)) {
    const { before, env, exit, stdout, stderr, changes, ...given } = await perform(runner, one)
    cases.push({
      ...given,
      ...(before.length > 0 && { before }),
      ...(Object.keys(env).length > 0 && { env }),
      ...(exit !== 0 && { exit }),
      ...(stdout !== '' && { stdout }),
      ...(stderr !== '' && { stderr }),
      ...(changes.length > 0 && { changes }),
    })
  }
  const head = readFileSync(tableOf(name), 'utf8').match(/^(#.*\n)*/)?.[0] ?? ''
  writeFileSync(tableOf(name), head + dump(cases, { lineWidth: -1, quoteStyle: 'double', seqNoIndent: true }))
}

export const removeFolder = (dir: string): void => rmSync(dir, { recursive: true })
