// Two tables, the one made of the other: what the tests of projections' edges begin with.
import { type Database, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { type DeriveRun, projection } from '../../../pkg/project/index.js'
import type { StorageOption } from '../../../pkg/storage/index.js'

export const columns = () => table({ id: int().key(), o: int().nullable() })
export const schema = defineSchema({ src: columns(), out: columns() })
export const all = { allowEmptyFilters: true } as const
export const copied = ({ inputs, tx, lens }: DeriveRun<any>): void => { tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) }
export const make = (derive: (run: DeriveRun<any>) => unknown, more: object = {}) => projection(schema, 'out', { inputs: ['src'], derive, ...more } as any) as any
export const idsOf = (db: Database<typeof schema>): number[] => db.live(db.query.out).rows.map(r => r.id)

export async function filled(storage?: StorageOption): Promise<Database<typeof schema>> {
  const db = await createDatabase({ schema, ...(storage === undefined ? {} : { storage }) })
  db.apply([{ op: 'insert', table: 'src', rows: [{ id: 1, o: 1 }, { id: 2, o: 2 }] }])
  return db
}
