import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderBlock } from '../output/block.ts'
import { reportTally, type Tally } from './report.ts'

describe('reportTally()', () => {
  const cases: [why: string, tally: Tally, stdout: string, stderr: string[]][] = [
    [
      'names the only kind',
      { verb: 'create', kinds: ['Node'], handled: 1, errors: [] },
      "Successfully created 1 'Node' resource(s)\n",
      [],
    ],
    [
      'names no kind when they are mixed',
      { verb: 'apply', kinds: ['Node', 'IPPool'], handled: 2, errors: [] },
      'Successfully applied 2 resource(s)\n',
      [],
    ],
    [
      'reports partial success on both streams',
      { verb: 'delete', kinds: ['Node', 'Node'], handled: 1, errors: ['gone'] },
      "Partial success: deleted the first 1 out of 2 'Node' resources:\n",
      ['Hit error: gone'],
    ],
    [
      'gives one line to each of several errors',
      { verb: 'replace', kinds: ['Node', 'IPPool'], handled: 0, errors: ['a', 'b'] },
      '',
      ['Failed to replace any resources:', '- a', '- b'],
    ],
    [
      'speaks of one resource when there is one',
      { verb: 'validate', kinds: ['Tier'], handled: 0, errors: ['bad'] },
      '',
      ["Failed to validate 'Tier' resource: bad"],
    ],
  ]
  for (const [why, tally, stdout, stderr] of cases) {
    test(why, () => {
      const { blocks = [], errors = [] } = reportTally(tally)
      assert.equal(blocks.map(renderBlock).join(''), stdout)
      assert.deepEqual(errors, stderr)
    })
  }
})
