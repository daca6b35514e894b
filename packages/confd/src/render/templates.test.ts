import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Renderable } from '../model/bird-text.ts'
import { birdString, birdSymbol } from '../model/bird-text.ts'
import { Templates, type TemplateFile } from './templates.ts'

const MANIFEST = {
  about: '',
  watch: ['/calico/'],
  daemons: [
    {
      name: 'bird',
      ipVersion: 4,
      check: ['true'],
      reload: 'bird.ctl',
      files: [{ output: 'bird.cfg', source: 'a.hbs' }],
    },
  ],
}
const templates = (texts: Record<string, string>, manifest: unknown = MANIFEST): Templates => {
  const files = { 'manifest.json': JSON.stringify(manifest), ...texts }
  return new Templates(
    new Map(Object.entries(files).map(([name, text]): [string, TemplateFile] => [name, { path: `/t/${name}`, text }])),
  )
}

describe('Templates', () => {
  test('print values as they are, with partials', () => {
    const text = templates({ 'a.hbs': '{{name}} {{> part}} {{text}}', 'partials/part.hbs': '<{{n}}>' }).render(
      'a.hbs',
      { name: birdSymbol('Mesh_1'), n: 7, text: birdString(`it's & <b>`) },
    )
    assert.equal(text, `Mesh_1 <7> "it's & <b>"`)
  })

  test('print the items of a list by a partial that sees the item and nothing else', () => {
    const files = (part: string) => ({ 'a.hbs': '{{partEach list "part"~}}\n.', 'partials/part.hbs': part })
    const view = { n: 1, list: [{ n: 7 }, { n: 8 }] }
    assert.equal(templates(files('<{{n}}>')).render('a.hbs', view), '<7><8>.')
    assert.equal(templates(files('<{{@root.n}}>')).render('a.hbs', view), '<7><8>.')
    assert.throws(() => templates(files('{{../n}}')).render('a.hbs', view), { code: 'INVALID' })
    assert.throws(() => templates({ 'a.hbs': '{{partEach list "other"}}' }).render('a.hbs', view), /no partial "other"/)
  })

  test('take no plain text', () => {
    const plain = 'anything; disable all' as string
    // @ts-expect-error: only values that cannot change the structure are renderable
    const view: Renderable = { plain }
    assert.ok(view)
  })

  const broken: [why: string, texts: Record<string, string>, manifest: unknown, says: RegExp][] = [
    ['a template that does not compile', { 'a.hbs': '{{#if x}}' }, MANIFEST, /Cannot compile \/t\/a\.hbs/],
    [
      'a partial that does not compile',
      { 'a.hbs': '', 'partials/p.hbs': '{{/if}}' },
      MANIFEST,
      /Cannot compile \/t\/partials\/p\.hbs/,
    ],
    ['a source that is not there', {}, MANIFEST, /no template "a\.hbs"/],
    ['a manifest that is not JSON', { 'manifest.json': '{', 'a.hbs': '' }, MANIFEST, /manifest\.json: it is not JSON/],
    ['an unknown field in the manifest', { 'a.hbs': '' }, { ...MANIFEST, wach: [] }, /manifest\.json: .*wach/],
    [
      'an output outside the directory',
      { 'a.hbs': '' },
      { ...MANIFEST, daemons: [{ ...MANIFEST.daemons[0], files: [{ output: '../x', source: 'a.hbs' }] }] },
      /want a plain file name/,
    ],
  ]
  for (const [why, texts, manifest, says] of broken) {
    test(`refuse ${why}, naming the file`, () =>
      assert.throws(() => templates(texts, manifest), { code: 'INVALID', message: says }))
  }

  test('a field that does not exist is an error, and so is a partial that does not', () => {
    assert.throws(() => templates({ 'a.hbs': '{{nmae}}' }).render('a.hbs', { name: 1 }), {
      code: 'INVALID',
      message: /"nmae" not defined/,
    })
    assert.throws(() => templates({ 'a.hbs': '{{> none}}' }).render('a.hbs', {}), {
      code: 'INVALID',
      message: /partial none/,
    })
  })
})

describe('values for templates', () => {
  for (const text of ['a"b', 'a\nb', 'a\rb', 'a\0b', 'a\x7fb']) {
    test(`${JSON.stringify(text)} is no string`, () => assert.throws(() => birdString(text), { code: 'INVALID' }))
  }
  for (const text of ['', 'a b', "a'b", 'a;b', 'a{', 'x'.repeat(65)]) {
    test(`${JSON.stringify(text)} is no symbol`, () => assert.throws(() => birdSymbol(text), { code: 'INVALID' }))
  }
  test('symbols are quoted only where they must be', () => {
    assert.deepEqual(['a_1', 'a.b-c', '1a'].map(birdSymbol), ['a_1', "'a.b-c'", "'1a'"])
  })
})
