import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderGoTemplate } from './evaluate.ts'

const DATA = [
  {
    kind: 'BGPPeerList',
    items: [
      { kind: 'BGPPeer', metadata: { name: 'to-reflectors', labels: { a: '1' } }, spec: { nodeSelector: 'all()' } },
      {
        kind: 'BGPPeer',
        metadata: { name: 'tor' },
        spec: { peerIP: '10.20.0.254:1179', asNumber: 65001, filters: ['f1', 'f2'] },
      },
    ],
  },
]

describe('renderGoTemplate()', () => {
  const cases: [template: string, expected: string][] = [
    ['{{range .}}{{range .Items}}{{.ObjectMeta.Name}} {{end}}{{end}}', 'to-reflectors tor '],
    [
      '{{range .}}{{range .Items}}{{.Name}},{{.Spec.PeerIP}};{{end}}{{end}}',
      'to-reflectors,<no value>;tor,10.20.0.254:1179;',
    ],
    [
      '{{range .}}{{range .Items}}{{if .Spec.PeerIP}}{{.Spec.PeerIP}}{{else if .Spec.NodeSelector}}{{.Spec.NodeSelector}}{{end}} {{end}}{{end}}',
      'all() 10.20.0.254:1179 ',
    ],
    ['{{range .}}{{len .Items}}{{end}}', '2'],
    ['{{range .}}{{range $i, $p := .Items}}{{$i}}={{$p.Name}} {{end}}{{end}}', '0=to-reflectors 1=tor '],
    ['{{range .}}{{range .Items}}{{join .Spec.Filters ","}}|{{end}}{{end}}', '|f1,f2|'],
    ['{{range .}}{{range .Items}}{{.Name | printf "%-15s."}}{{end}}{{end}}', 'to-reflectors  .tor            .'],
    ['{{range .}}{{range .Items}}{{if and (eq .Name "tor") (gt .Spec.ASNumber 65000)}}yes{{end}}{{end}}{{end}}', 'yes'],
    [
      '{{range .}}{{range .Items}}{{range $k, $v := .Labels}}{{$k}}={{$v}}{{else}}none{{end}} {{end}}{{end}}',
      'a=1 none ',
    ],
    ['{{with index . 0}}{{.Kind}}{{end}}', 'BGPPeerList'],
    ['a {{- " b " -}} c{{/* note */}}', 'a b c'],
    ['{{$x := 1}}{{range .}}{{$x = 2}}{{end}}{{$x}}', '2'],
    ['{{config "asnumber"}}', '64512'],
    ['{{joinAndTruncate (index . 0).Items "," 10}}', 'map[kin...'],
    ['{{printf "%q %d%%" "a" 5}}', '"a" 5%'],
  ]
  for (const [template, expected] of cases) {
    test(template, () => assert.equal(renderGoTemplate(template, DATA, { asnumber: '64512' }), expected))
  }
  const refused: [template: string, message: RegExp][] = [
    ['{{range .}}', /an end is missing/],
    ['{{end}}', /too many/],
    ['{{.Name', /not closed/],
    ['{{upper .Name}}', /function "upper" is not supported; there are len, eq/],
    ['{{template "x"}}', /"template" is not supported/],
    ['{{.Name @}}', /"@" is not understood/],
  ]
  for (const [template, message] of refused) {
    test(`refuses ${template}`, () =>
      assert.throws(() => renderGoTemplate(template, DATA, {}), { code: 'INVALID', message }))
  }
})
