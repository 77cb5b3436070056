import type { Report } from './changes.js'
import type { Database } from './database.js'
import { EddylineError } from './errors.js'
import { checkApply } from './given.js'
import type { ApplyOptions } from './options.js'

/** @internal What `apply` gives: the report, or with `durable` a promise of it that waits for storage and that all errors go to but those of the options. */
export function applied(db: Database<any>, options: ApplyOptions | undefined, apply: () => Report): Report | Promise<Report> {
  checkApply(options)
  return options?.durable ? durably(db, apply) : apply()
}

async function durably(db: Database<any>, apply: () => Report): Promise<Report> {
  if (db.keeper === undefined) throw new EddylineError('NOT_DURABLE', `the database \`${db.name}\` has no storage: createDatabase({ storage })`)
  const report = apply()
  await db.flush()
  return report
}
