// The programs of a PostgreSQL server with wal2json, for the end-to-end suite: it starts a throw-away cluster of its own.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as apt from './apt.mjs'
import { SetupError, ask, which } from './command.mjs'

const oldest = 15

function installations() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => b - a) : []
  const folders = versions.map((version) => ({ bin: join(debian, version, 'bin'), lib: join(debian, version, 'lib') }))
  const config = which('pg_config')
  if (config) folders.push({ bin: ask(config, ['--bindir']), lib: ask(config, ['--pkglibdir']) })
  if (process.env.POSTGRES_BIN) {
    const bin = process.env.POSTGRES_BIN
    folders.unshift({ bin, lib: ask(join(bin, 'pg_config'), ['--pkglibdir']) ?? join(bin, '..', 'lib') })
  }
  return folders.filter(({ bin }) => bin && which(join(bin, 'postgres')) && which(join(bin, 'initdb')))
}

const majorOf = (bin) => Number(/(\d+)/.exec(ask(join(bin, 'postgres'), ['--version']) ?? '')?.[1] ?? 0)
const hasDecoder = ({ lib }) => ['so', 'dylib'].some((suffix) => existsSync(join(lib, `wal2json.${suffix}`)))
const find = () => installations().find((one) => majorOf(one.bin) >= oldest && hasDecoder(one))?.bin

/** Returns the folder with `initdb`, `postgres` and `pg_ctl`. */
export async function ensurePostgres() {
  const found = find()
  if (found) return found
  if (apt.canInstall()) {
    await apt.install(`postgresql-${oldest}`, `postgresql-${oldest}-wal2json`)
    const installed = find()
    if (installed) return installed
  }
  throw new SetupError(`The end-to-end suite needs PostgreSQL ${oldest} or newer with wal2json. Debian 12: apt-get install postgresql-${oldest} postgresql-${oldest}-wal2json. Elsewhere install both and set POSTGRES_BIN to the folder of initdb.`)
}
