/** Numbers and times as people read them. */

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR

// Formatters are made once: making one costs fifty times what using it does.
const MONTH = new Intl.DateTimeFormat('en', { month: 'short', year: 'numeric' })
const FULL = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })
const NUMBER = new Intl.NumberFormat('en')

/** How long ago, in one or two characters and a letter; older than two months, the month. */
export function ago(date: Date, now = Date.now()): string {
  const age = now - date.getTime()
  if (age < 5_000) return 'now'
  if (age < MINUTE) return `${Math.floor(age / 1000)}s`
  if (age < HOUR) return `${Math.floor(age / MINUTE)}m`
  if (age < DAY) return `${Math.floor(age / HOUR)}h`
  if (age < 60 * DAY) return `${Math.floor(age / DAY)}d`
  return MONTH.format(date)
}

/** The same within a sentence. */
export function when(date: Date, now = Date.now()): string {
  const text = ago(date, now)
  return text === 'now' ? 'just now' : now - date.getTime() < 60 * DAY ? `${text} ago` : `in ${text}`
}

export const fullTime = (date: Date): string => FULL.format(date)
export const grouped = (n: number): string => NUMBER.format(n)
export const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`
export const initials = (name: string): string => name.split(' ').map(part => part[0]).slice(0, 2).join('')

/** Black or white, whichever is easier to read on a color (`#rrggbb`). */
export function inkOn(color: string): string {
  const [r, g, b] = [1, 3, 5].map(at => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2)
  // At this luminance both have the same contrast.
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000' : '#fff'
}
