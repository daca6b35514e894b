/** What confd renders is what BIRD accepts: every golden set, any valid set of resources, and whatever somebody writes into a field. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { load } from 'js-yaml'
import { parseResource, resourceKey } from '@calico-node/model'
import { ConfigDirectory } from './install/config-directory.ts'
import type { DaemonManifest } from './render/manifest.ts'
import type { FileSet } from './render/render.ts'
import { Templates } from './render/templates.ts'
import { render } from './renderer.ts'
import { readTemplateFiles } from './template-files.ts'
import { clusters } from './testing/cluster-arbitrary.ts'
import { factsOf, scenarioSchema, surroundingsOf, type ScenarioInput } from './testing/scenario.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const TESTDATA = join(import.meta.dirname, '../testdata')
const SHIPPED = join(import.meta.dirname, '../../../templates')
const templates = new Templates(readTemplateFiles({ shipped: SHIPPED }))
const work = mkdtempSync(join(tmpdir(), 'accepted-'))
after(() => rmSync(work, { recursive: true }))

interface Output {
  readonly text: string
  /** Names of all sessions. */
  readonly sessions: readonly string[]
}

/** Renders both families, in a judge's presence. */
async function outputOf(
  input: ScenarioInput,
  used: Templates,
  judge: (daemon: DaemonManifest, files: FileSet) => Promise<void>,
): Promise<Output> {
  const scenario = scenarioSchema.parse(input)
  const { facts } = factsOf(scenario)
  let text = ''
  const sessions: string[] = []
  for (const daemon of used.manifest.daemons) {
    const rendered = render({ templates: used, daemon, facts, surroundings: surroundingsOf(scenario) })
    if (rendered.kind === 'not-ready') continue
    await judge(daemon, rendered.files)
    text += [...rendered.files.values()].join('')
    sessions.push(...rendered.sessions)
  }
  return { text, sessions }
}

const accepted = (input: ScenarioInput, used = templates): Promise<Output> =>
  outputOf(input, used, async (daemon, files) => {
    const verdict = await new ConfigDirectory(work, daemon).check(files)
    assert.deepEqual(verdict, { ok: true }, [...files.values()].join('\n'))
  })

const goldenInput = (name: string): ScenarioInput =>
  scenarioSchema.parse(load(readFileSync(join(TESTDATA, name, 'scenario.yaml'), 'utf8')))

/** Names of the protocols that a configuration defines, whatever stands between quotes. */
const definedSessions = (text: string): readonly string[] =>
  [...text.replaceAll(/"[^"\n]*"/g, '""').matchAll(/^protocol bgp (\S+)/gm)].map(([, name = '']) => name)

describe('BIRD accepts', () => {
  for (const name of readdirSync(TESTDATA)) {
    test(`golden set ${name}`, async () => {
      await accepted(goldenInput(name))
    })
  }

  test('the hooks that templates/README.md shows', async () => {
    const readme = readFileSync(join(SHIPPED, 'README.md'), 'utf8')
    const files = new Map(readTemplateFiles({ shipped: SHIPPED }))
    const shown = [...readme.matchAll(/```\n(\{\{! (partials\/\S+) \}\}[^]*?)```/g)]
    assert.equal(shown.length, 2)
    for (const [, text = '', name = ''] of shown) files.set(name, { path: name, text })
    const { text } = await accepted(goldenInput('mesh'), new Templates(files))
    assert.match(text, /bfd on;\n {2}hold time 30;/)
  })

  test('any valid set of resources, which gives the same text in any order', async () => {
    await fc.assert(
      fc.asyncProperty(clusters, async (input) => {
        const { text, sessions } = await accepted(input)
        assert.deepEqual(definedSessions(text), sessions)
        const reversed = { ...input, resources: (input.resources ?? []).toReversed() }
        assert.equal((await outputOf(reversed, templates, async () => undefined)).text, text)
      }),
      { numRuns: 100 },
    )
  })

  test('whatever somebody writes into a field, which never changes the structure', async () => {
    await fc.assert(
      fc.asyncProperty(clusters, fc.nat(), hostileText, async (input, pick, hostile) => {
        const { text, sessions } = await accepted(corrupt(input, pick, hostile))
        assert.deepEqual(definedSessions(text), sessions)
        assert.ok(!text.replaceAll(/"[^"\n]*"/g, '""').includes('INJECTED'))
      }),
      { numRuns: 150 },
    )
  })
})

const hostileText = fc.oneof(
  fc.constantFrom(
    '"; } protocol bgp INJECTED { local as 1; neighbor 1.1.1.1 as 2; } #',
    '1.1.1.1;\nprotocol bgp INJECTED { }',
    "' INJECTED",
    '/* INJECTED',
    '} INJECTED {',
    '`INJECTED`',
    '# INJECTED',
    '{{INJECTED}}',
    '10.0.0.1/24" INJECTED',
    'eth0"; INJECTED',
    '\\" INJECTED',
    '\0INJECTED',
    '\r\nINJECTED',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

/** What is stored when one of the texts in the specs, or every password, is hostile or has a hostile tail. */
function corrupt(input: ScenarioInput, pick: number, hostile: string): ScenarioInput {
  const spoil = (text: string): string => (pick % 2 === 0 ? hostile : text + hostile)
  if (pick % 7 === 0) return { ...input, secrets: mapValues(input.secrets ?? {}, spoil) }
  const spoiled = (target: number): { stored: Record<string, string>; places: number } => {
    let places = 0
    const replace = (_: string, value: unknown): unknown =>
      typeof value === 'string' && places++ === target ? spoil(value) : value
    const stored = (input.resources ?? []).map((document) => {
      const { kind, metadata } = parseResource(document)
      return [
        resourceKey(kind, metadata.name),
        JSON.stringify({ ...document, spec: JSON.parse(JSON.stringify(document.spec, replace)) }),
      ]
    })
    return { stored: Object.fromEntries(stored), places }
  }
  const { places } = spoiled(-1)
  return { ...input, resources: [], stored: spoiled(pick % Math.max(places, 1)).stored }
}

const mapValues = (
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
