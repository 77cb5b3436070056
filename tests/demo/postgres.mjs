/**
 * A private PostgreSQL 15 cluster in a temporary directory, for tests: `POSTGRES_BIN` or Debian's packages, a free port on 127.0.0.1, and
 * nothing shared with a server that may be running already.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './free-port.mjs'

const run = promisify(execFile)
const BIN = process.env.POSTGRES_BIN ?? '/usr/lib/postgresql/15/bin'
const isRoot = process.getuid?.() === 0

/** PostgreSQL refuses to run as root: as root, its commands run as the user `postgres`. @param {string} command @param {string[]} args */
const asOwner = (command, args) => (isRoot ? run('runuser', ['-u', 'postgres', '--', command, ...args], { cwd: '/' }) : run(command, args))

async function install() {
  if (existsSync(`${BIN}/initdb`) && (process.env.POSTGRES_BIN || existsSync(`${BIN}/../lib/wal2json.so`))) return
  if (!isRoot) throw new Error('these tests need the Debian packages postgresql-15 and postgresql-15-wal2json')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'postgresql-15', 'postgresql-15-wal2json'], { env })
}

/**
 * @param {{ walLevel?: 'logical' | 'replica', plugins?: string, settings?: string }} [options]
 *   `plugins`: output plugins the server is told to trust; `settings`: further lines of its configuration
 */
export async function startCluster({ walLevel = 'logical', plugins = 'pgoutput, wal2json', settings: more = '' } = {}) {
  await install()
  const directory = await mkdtemp(join(tmpdir(), 'eddyline-postgres-'))
  if (isRoot) await run('chown', ['postgres', directory])
  await chmod(directory, 0o700)
  const data = join(directory, 'data')
  const log = join(directory, 'log')
  const port = await freePort()
  await asOwner(`${BIN}/initdb`, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'])
  await appendFile(join(data, 'postgresql.conf'), `
port = ${port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = ${walLevel}
fsync = off
max_wal_senders = 10
max_replication_slots = 10
wal_sender_timeout = '1h'
${more}
`)
  // The setting is younger than many a PostgreSQL 15, and a server does not start with one it does not know.
  const { stdout: settings } = await run(`${BIN}/postgres`, ['--describe-config'], { maxBuffer: 1 << 24 }).catch(() => asOwner(`${BIN}/postgres`, ['--describe-config']))
  if (settings.includes('output_plugin_libraries')) await appendFile(join(data, 'postgresql.conf'), `output_plugin_libraries = '${plugins}'\n`)
  // A server that waits for its clients as long as they live does not stop at all: see `wal_sender_timeout`.
  const control = (/** @type {string[]} */ ...args) => asOwner(`${BIN}/pg_ctl`, ['-D', data, '-l', log, '-w', '-t', '300', ...args]).catch(async error => {
    throw new Error(`${error.message}\n${await readFile(log, 'utf8').catch(() => '')}`)
  })
  await control('start')
  const admin = `postgres://postgres@127.0.0.1:${port}/postgres`
  let databases = 0
  return {
    port,
    start: () => control('start'),
    /** @param {'fast' | 'immediate'} [mode] */
    stop: (mode = 'fast') => control('stop', '-m', mode),
    /** The number of its first process. */
    pid: async () => Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]),
    /** A new database; its URL. */
    async createDatabase() {
      const name = `demo${++databases}`
      await sql(admin, `create database ${name}`)
      return `postgres://postgres@127.0.0.1:${port}/${name}`
    },
    async remove() {
      await control('stop', '-m', 'immediate').catch(() => {})
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** One statement on a connection of its own. @param {string} url @param {string} text @param {unknown[]} [params] */
export async function sql(url, text, params) {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=eddyline_demo' })
  await client.connect()
  try {
    return (await client.query(text, params)).rows
  } finally {
    await client.end()
  }
}
