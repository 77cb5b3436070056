/** What keeps a PostgreSQL server from being used, in words that say how to mend it. */
import { SetupError } from './database.mjs'

/** Nobody answers there, or not in time. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'])
const CLASS_OF_LOGIN = '28'
const INSUFFICIENT_PRIVILEGE = '42501'
const UNDEFINED_DATABASE = '3D000'
const TOO_MANY_CONNECTIONS = '53300'
const TOO_MANY_SLOTS = '53400'
const READ_ONLY = '25006'
const LOCK_TIMEOUT = '55P03'

/** Where a URL leads, without its password. @param {string} url */
function placeOf(url) {
  try {
    const { hostname, port, pathname } = new URL(url)
    return `${hostname || 'localhost'}:${port || 5432}${pathname}`
  } catch {
    return 'the address in DATABASE_URL'
  }
}

/**
 * A fault with the way to mend it, if it is one that the person who started the demo can mend; else the error as it is.
 * @param {any} error @param {string} url
 */
export function mendable(error, url) {
  if (error instanceof SetupError || !(error instanceof Error)) return error
  const { code = '', message } = /** @type {Error & { code?: string }} */ (error)
  // Several addresses of one host fail together.
  const inner = /** @type {any} */ (error).errors?.[0]
  if (UNREACHABLE.has(code) || /timeout|terminated/i.test(message) && !code) {
    return new SetupError(`PostgreSQL does not answer at ${placeOf(url)} (${message || inner?.message || code}). Is it running, and is DATABASE_URL right?`)
  }
  if (code === 'ERR_INVALID_URL') return new SetupError('DATABASE_URL is no URL. Characters like @, /, # and % in a password must be encoded (%40, %2F, %23, %25).')
  if (code.startsWith(CLASS_OF_LOGIN)) return new SetupError(`PostgreSQL refuses the login at ${placeOf(url)}: ${message}. Check the user and the password in DATABASE_URL.`)
  if (code === UNDEFINED_DATABASE) return new SetupError(`PostgreSQL has no such database at ${placeOf(url)}: ${message}. Create it (createdb), or name another one in DATABASE_URL.`)
  if (code === INSUFFICIENT_PRIVILEGE) {
    return new SetupError(`The user in DATABASE_URL may not do what the demo needs: ${message}. It must be able to create a schema and a publication in ` +
      `this database (GRANT CREATE ON DATABASE … TO …), own the demo's tables, and replicate (ALTER ROLE … REPLICATION).`)
  }
  if (code === TOO_MANY_SLOTS) return new SetupError(`PostgreSQL has no replication slot left: ${message}. Drop one that nobody uses (select * from pg_replication_slots), or raise max_replication_slots and restart it.`)
  if (code === TOO_MANY_CONNECTIONS) return new SetupError(`PostgreSQL has no connection left: ${message}. The demo takes up to 10, and one of max_wal_senders.`)
  if (code === READ_ONLY) return new SetupError(`This PostgreSQL server cannot be written to: ${message}. The demo needs a primary, not a standby.`)
  if (code === LOCK_TIMEOUT) return new SetupError('A transaction that is open in the database keeps the change feed waiting: end it (select * from pg_stat_activity where backend_xid is not null).')
  return error
}
