/**
 * One directory a scenario under testdata/: `scenario.yaml` goes in, the files beside it are what comes out.
 * UPDATE_GOLDEN=1 rewrites them. That BIRD accepts them is another test, because it needs BIRD.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { Templates } from './render/templates.ts'
import { render } from './renderer.ts'
import { readTemplateFiles } from './template-files.ts'
import { factsOf, scenarioSchema, surroundingsOf } from './testing/scenario.ts'

const TESTDATA = join(import.meta.dirname, '../testdata')
const templates = new Templates(readTemplateFiles({ shipped: join(import.meta.dirname, '../../../templates') }))

function run(directory: string): ReadonlyMap<string, string> {
  const scenario = scenarioSchema.parse(load(readFileSync(join(directory, 'scenario.yaml'), 'utf8')))
  const { facts, problems } = factsOf(scenario)
  // what follows the colon is the model's to say
  const all = problems.map(({ kind, name, reason }) => ({ kind, name, reason: reason.split(':', 1)[0] }))
  const outputs = new Map<string, string>()
  for (const daemon of templates.manifest.daemons) {
    const rendered = render({ templates, daemon, facts, surroundings: surroundingsOf(scenario) })
    if (rendered.kind === 'not-ready') {
      outputs.set('not-ready.txt', `${rendered.reason}\n`)
      continue
    }
    all.push(...rendered.problems)
    for (const [name, text] of rendered.files) outputs.set(name, text)
  }
  const lines = new Set(all.map(({ kind, name, reason }) => `${kind} ${name} ${reason}\n`))
  if (lines.size > 0) outputs.set('problems.txt', [...lines].join(''))
  return outputs
}

for (const name of readdirSync(TESTDATA).toSorted()) {
  const directory = join(TESTDATA, name)
  test(name, () => {
    const outputs = run(directory)
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
