import { CalicoError, messageOf } from '@calico-node/core'
import { parseBigJson } from '../json/big-json.ts'
import { isRecord } from './normalise.ts'
import { describeProblems, type Problem } from './problem.ts'

/** The error for a stored value that makes no sense: names the key and every bad field. */
export const unreadable = (what: string, key: string, problems: readonly Problem[]): CalicoError =>
  new CalicoError('INVALID', `Cannot read ${what} at ${key}: ${describeProblems(problems)}`, {
    context: { key, problems },
  })

/** The object in a stored value. @throws INVALID when it is no JSON or no object */
export function parseStored(what: string, key: string, json: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parseBigJson(json)
  } catch (err) {
    throw unreadable(what, key, [
      { field: 'value', value: json, reason: `must be JSON: ${messageOf(err).replace('Cannot parse JSON: ', '')}` },
    ])
  }
  if (isRecord(value)) return value
  throw unreadable(what, key, [{ field: 'value', value, reason: 'must be an object' }])
}
