// PostgreSQL inside the process: no server, nothing on disk.
import { PGlite } from '@electric-sql/pglite'

export async function openPostgres() {
  const pg = await PGlite.create()
  await pg.exec("set timezone to 'UTC'; set extra_float_digits to 1")
  return pg
}
