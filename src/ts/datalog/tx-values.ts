// Values of transactions as the engine holds them.
import { canonicalJson } from '../values.js'
import type { Attribute } from './catalog.js'
import { said, txError } from './tx-data.js'

/** A value of an attribute, checked and in one form. Throws TX_TYPE with the place. */
export function normalized(attribute: Attribute, v: unknown, path: string): unknown {
  const wrong = (): never => { throw txError('TX_TYPE', `\`${said(v)}\` cannot be a value of \`:${attribute.name}\` (${attribute.value.type})`, path, said(v)) }
  if (v === null || v === undefined) return wrong()
  switch (attribute.value.type) {
    case 'text': return typeof v === 'string' ? v : wrong()
    case 'int': return typeof v === 'number' && Number.isSafeInteger(v) ? v + 0 : typeof v === 'bigint' && Number.isSafeInteger(Number(v)) ? Number(v) : wrong()
    case 'bigint': return typeof v === 'bigint' ? v : typeof v === 'number' && Number.isSafeInteger(v) ? BigInt(v) : wrong()
    case 'float': return typeof v === 'number' ? v + 0 : wrong()
    case 'bool': return typeof v === 'boolean' ? v : wrong()
    case 'timestamp': {
      const date = v instanceof Date ? v : typeof v === 'number' || typeof v === 'string' ? new Date(v) : undefined
      return date === undefined || Number.isNaN(date.getTime()) ? wrong() : date
    }
    case 'decimal': return typeof v === 'string' || typeof v === 'number' || typeof v === 'bigint' ? String(v) : wrong()
    case 'bytes': return v instanceof Uint8Array ? v : wrong()
    case 'json': canonicalJson(v, path); return v
    case 'date': return v instanceof Date && !Number.isNaN(v.getTime()) ? v.toISOString().slice(0, 10) : typeof v === 'string' ? v : wrong()
    // What the engine reads itself.
    case 'time': case 'uuid': case 'interval': return typeof v === 'string' ? v : wrong()
    default: return Array.isArray(v) ? v : wrong()
  }
}
