/** Where each field of a YAML document stands, so that an error can name the line. Pure. */
import { EVENT_ID, getScalarValue, type Event } from 'js-yaml'

/** Path as an error names it (`spec.ingress[0].action`) to offset in the text. */
export type Positions = ReadonlyMap<string, number>

/** `spec.ports[0].name`; keys that are no plain words are quoted: `metadata.labels["a/b"]`. */
const childPath = (path: string, key: string): string => {
  if (!/^[A-Za-z][\w-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

interface Open {
  readonly path: string
  /** Next index of a list; undefined in a mapping. */
  index?: number
  /** The key whose value comes next. */
  key?: { readonly text: string; readonly at: number } | undefined
}

/** Offsets of all values, and of the keys of what has one, for every document of a stream of parser events. */
export function indexPositions(events: readonly Event[], source: string): Positions[] {
  const documents: Map<string, number>[] = []
  let stack: (Open | undefined)[] = []
  const place = (at: number): string => {
    const parent = stack.at(-1)
    if (parent === undefined) return ''
    if (parent.index !== undefined) return `${parent.path}[${parent.index++}]`
    const path = childPath(parent.path, parent.key?.text ?? '')
    documents.at(-1)?.set(path, parent.key?.at ?? at)
    parent.key = undefined
    return path
  }
  for (const event of events) {
    const parent = stack.at(-1)
    const awaitsKey = parent !== undefined && parent.index === undefined && parent.key === undefined
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        documents.push(new Map())
        stack = [undefined]
        break
      case EVENT_ID.POP:
        stack.pop()
        break
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const path = awaitsKey ? '' : place(event.start)
        if (!documents.at(-1)?.has(path)) documents.at(-1)?.set(path, event.start)
        stack.push(event.type === EVENT_ID.SEQUENCE ? { path, index: 0 } : { path })
        break
      }
      case EVENT_ID.SCALAR: {
        if (awaitsKey) parent.key = { text: getScalarValue(source, event), at: event.valueStart }
        else {
          const path = place(event.valueStart)
          if (!documents.at(-1)?.has(path)) documents.at(-1)?.set(path, event.valueStart)
        }
        break
      }
      case EVENT_ID.ALIAS:
        if (!awaitsKey) place(event.anchorStart)
        break
      default:
        break
    }
  }
  return documents
}

/** Offset of a field, or of the nearest one above it when the field itself is missing. */
export function findOffset(positions: Positions, field: string): number | undefined {
  for (let path = field; ; path = path.replace(/(\.[^.[\]"]+|\[[^[\]]*\]|^[^.[]+)$/, '')) {
    const offset = positions.get(path)
    if (offset !== undefined || path === '') return offset
    if (!/(\.[^.[\]"]+|\[[^[\]]*\]|^[^.[]+)$/.test(path)) return positions.get('')
  }
}

/** 1-based number of the line that holds an offset. */
export const lineAt = (source: string, offset: number): number => source.slice(0, offset).split('\n').length
