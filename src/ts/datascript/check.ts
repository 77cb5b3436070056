// What programs hand over, checked: each mistake is an error of ours that says what should be there.
import { EddylineError, nearestName } from '../errors.js'
import { said } from '../datalog/tx-data.js'
import type { DataScriptSchema } from './store.js'

export function wrong(message: string, path: string, offending?: string, nearest?: string): EddylineError {
  return new EddylineError('INVALID_ARGUMENT', `${message}${nearest === undefined ? '' : `; did you mean \`${nearest}\`?`}`, { path, ...(offending === undefined ? {} : { offending }), ...(nearest === undefined ? {} : { nearest }) })
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

export function checkList(v: unknown, what: string, path: string): void {
  if (!Array.isArray(v)) throw wrong(`${what} is a list`, path)
}
export function checkFunction(v: unknown, path: string): void {
  if (typeof v !== 'function') throw wrong('a listener is a function', path)
}

const TYPES = ['ref', 'string', 'keyword', 'symbol', 'uuid', 'uri', 'long', 'bigint', 'bigdec', 'float', 'double', 'boolean', 'instant', 'bytes', 'number']
/** What may stand behind which option; nothing said: anything. */
const OPTIONS: Readonly<Record<string, readonly string[] | undefined>> = {
  'db/cardinality': ['one', 'many'].map(w => `:db.cardinality/${w}`), 'db/valueType': TYPES.map(t => `:db.type/${t}`), 'db/unique': ['identity', 'value'].map(w => `:db.unique/${w}`),
  'db/isComponent': undefined, 'db/index': undefined, 'db/doc': undefined, 'db/ident': undefined, 'db/fulltext': undefined, 'db/noHistory': undefined, 'db/id': undefined,
}

/** Throws INVALID_ARGUMENT where a schema says what there is not. Options outside of `:db/` are a program's own. */
export function checkSchema(schema: unknown): asserts schema is DataScriptSchema {
  if (!isObject(schema)) throw wrong('a schema is an object: options by attribute', 'schema')
  for (const [attribute, options] of Object.entries(schema)) {
    if (!isObject(options)) throw wrong(`the options of \`${attribute}\` are an object`, `schema.${attribute}`, attribute)
    for (const [option, value] of Object.entries(options)) {
      const path = `schema.${attribute}.${option}`
      const name = option.replace(/^:/, '')
      if (name.includes('/') && !name.startsWith('db/')) continue
      if (!Object.hasOwn(OPTIONS, name)) {
        const near = nearestName(name, Object.keys(OPTIONS))
        throw wrong(`no option \`${option}\` of attributes`, path, option, near === undefined ? undefined : `:${near}`)
      }
      if (name === 'db/isComponent' && typeof value !== 'boolean') throw wrong('`:db/isComponent` is true or false', path, said(value))
      const known = OPTIONS[name]
      const text = `:${said(value).replace(/^:/, '')}`
      if (known !== undefined && !known.some(k => k === text || k.slice(k.indexOf('/')) === `/${text.slice(1)}`)) throw wrong(`\`${said(value)}\` is no \`:${name}\`${name === 'db/valueType' && /tuple/.test(text) ? ': there are no tuples' : ''}`, path, said(value), nearestName(text, known))
    }
  }
}
