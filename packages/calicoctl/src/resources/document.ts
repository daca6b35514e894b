import { CalicoError, messageOf } from '@calico-node/core'
import { constructFromEvents, CORE_SCHEMA, mergeTag, parseEvents, YAMLException } from 'js-yaml'
import { findOffset, indexPositions, lineAt, type Positions } from './positions.ts'

/** One thing that a user wrote, and where. */
export interface SourceDocument {
  readonly file: string
  /** Of the document within its file, from 1. */
  readonly number: number
  readonly value: unknown
  /** 1-based line of a field, or of the nearest field above it. */
  lineOf(field: string): number
}

/** Largest document, in bytes. */
const LIMIT = 10 * 1024 * 1024
const SCHEMA = CORE_SCHEMA.withTags(mergeTag)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lists (a YAML list, or a `...List` object with `items`) stand for their items; an empty document for nothing. */
function itemsOf(value: unknown): { value: unknown; prefix: string }[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.map((item, i) => ({ value: item, prefix: `[${i}]` }))
  if (
    isRecord(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  ) {
    return value['items'].map((item, i) => ({ value: item, prefix: `items[${i}]` }))
  }
  return [{ value, prefix: '' }]
}

function syntaxError(file: string, source: string, err: YAMLException): CalicoError {
  const at = err.mark?.position ?? 0
  const before = source.slice(0, at).match(/^---/gm)?.length ?? 0
  const number = Math.max(1, before + (/^\s*---/.test(source) ? 0 : 1))
  return new CalicoError('INVALID', `${file}, document ${number}, line ${lineAt(source, at)}: ${err.reason}`, {
    cause: err,
  })
}

function split(file: string, source: string): { values: unknown[]; positions: Positions[] } {
  try {
    const events = parseEvents(source, { filename: file })
    return {
      values: constructFromEvents(events, { source, schema: SCHEMA }),
      positions: indexPositions(events, source),
    }
  } catch (err) {
    if (err instanceof YAMLException) throw syntaxError(file, source, err)
    throw new CalicoError('INVALID', `${file}: ${messageOf(err)}`, { cause: err })
  }
}

/**
 * The documents of a YAML or JSON text, in order, lists taken apart and empty ones left out.
 *
 * @param file Names the text in errors; `-` for standard input.
 * @throws INVALID with file, document and line for a text that is no YAML
 */
export function parseDocuments(file: string, source: string): SourceDocument[] {
  const oversize = source.split(/^---/m).findIndex((part) => Buffer.byteLength(part) > LIMIT)
  if (oversize >= 0) throw new CalicoError('INVALID', `${file}: a document is larger than 10 MiB`)
  const { values, positions } = split(file, source)
  return values.flatMap((value, at) =>
    itemsOf(value).map(({ value: item, prefix }) => ({
      file,
      number: at + 1,
      value: item,
      lineOf: (field) => {
        const path =
          prefix === '' || field === '' ? prefix + field : `${prefix}${field.startsWith('[') ? '' : '.'}${field}`
        return lineAt(source, findOffset(positions[at] ?? new Map(), path) ?? 0)
      },
    })),
  )
}
