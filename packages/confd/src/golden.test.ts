/**
 * One directory a scenario under testdata/: `scenario.yaml` goes in, the files beside it are what comes out, and BIRD
 * accepts each set. UPDATE_GOLDEN=1 rewrites them.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { load } from 'js-yaml'
import { ConfigDirectory } from './install/config-directory.ts'
import { Templates } from './render/templates.ts'
import { render } from './renderer.ts'
import { factsOf, surroundingsOf, type Scenario } from './testing/scenario.ts'

const TESTDATA = join(import.meta.dirname, '../testdata')
const templates = new Templates({ shipped: join(import.meta.dirname, '../../../templates') })
const work = mkdtempSync(join(tmpdir(), 'golden-'))
after(() => rmSync(work, { recursive: true }))

async function run(directory: string): Promise<ReadonlyMap<string, string>> {
  const scenario = load(readFileSync(join(directory, 'scenario.yaml'), 'utf8')) as Scenario
  const { facts, problems } = factsOf(scenario)
  const all = [...problems]
  const outputs = new Map<string, string>()
  for (const daemon of templates.manifest.daemons) {
    const rendered = render({ templates, daemon, facts, surroundings: surroundingsOf(scenario) })
    if (rendered.kind === 'not-ready') {
      outputs.set('not-ready.txt', `${rendered.reason}\n`)
      continue
    }
    all.push(...rendered.problems)
    assert.deepEqual(await new ConfigDirectory(work, daemon).check(rendered.files), { ok: true })
    for (const [name, text] of rendered.files) outputs.set(name, text)
  }
  const lines = new Set(all.map(({ kind, name, reason }) => `${kind} ${name} ${reason}\n`))
  if (lines.size > 0) outputs.set('problems.txt', [...lines].join(''))
  return outputs
}

for (const name of readdirSync(TESTDATA).toSorted()) {
  const directory = join(TESTDATA, name)
  test(name, async () => {
    const outputs = await run(directory)
    const goldens = readdirSync(directory).filter((file) => file !== 'scenario.yaml')
    if (process.env['UPDATE_GOLDEN'] === '1') {
      for (const file of goldens) rmSync(join(directory, file))
      for (const [file, text] of outputs) writeFileSync(join(directory, file), text)
      return
    }
    assert.deepEqual(goldens.toSorted(), [...outputs.keys()].toSorted())
    for (const [file, text] of outputs) assert.equal(text, readFileSync(join(directory, file), 'utf8'), file)
  })
}
