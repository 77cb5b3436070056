/** Status and priority as small drawings, avatars and labels. */
import { initials, inkOn } from './format'
import { PRIORITIES, STATUSES, type Label, type Status, type User } from './schema'

const RING = { fill: 'none', strokeWidth: 1.6 }
/** A pie piece that fills the ring from the top, for work that is under way. */
const pie = (part: number) => <circle cx="8" cy="8" r="2" fill="none" strokeWidth="4" strokeDasharray={`${part * 12.566} 20`} transform="rotate(-90 8 8)" />

export function StatusIcon({ status }: { status: Status }) {
  return (
    <svg className={`status-icon ${status}`} width="16" height="16" viewBox="0 0 16 16" stroke="currentColor" aria-label={STATUSES.find(s => s.id === status)?.name} role="img">
      {status === 'backlog' && <circle cx="8" cy="8" r="6" {...RING} strokeDasharray="1.6 1.9" />}
      {status === 'todo' && <circle cx="8" cy="8" r="6" {...RING} />}
      {status === 'in_progress' && <><circle cx="8" cy="8" r="6" {...RING} />{pie(0.5)}</>}
      {status === 'in_review' && <><circle cx="8" cy="8" r="6" {...RING} />{pie(0.75)}</>}
      {status === 'done' && <><circle cx="8" cy="8" r="6.8" fill="currentColor" stroke="none" /><path d="M5 8.2 7.2 10.4 11 6" fill="none" stroke="var(--surface)" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" /></>}
      {status === 'canceled' && <><circle cx="8" cy="8" r="6.8" fill="currentColor" stroke="none" /><path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="var(--surface)" strokeWidth="1.6" strokeLinecap="round" /></>}
    </svg>
  )
}

export function PriorityIcon({ priority }: { priority: number }) {
  const bars = priority === 0 ? 0 : 5 - priority
  return (
    <svg className={`priority-icon p${priority}`} width="16" height="16" viewBox="0 0 16 16" fill="currentColor" aria-label={PRIORITIES[priority]?.name} role="img">
      {priority === 0 && [2, 6.5, 11].map(x => <rect key={x} x={x} y="7.2" width="3" height="1.6" rx=".8" opacity=".6" />)}
      {priority === 1 && <path fillRule="evenodd" d="M4 1h8a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H4a3 3 0 0 1-3-3V4a3 3 0 0 1 3-3Zm3 3 .3 5.2h1.4L9 4H7Zm1 6.4a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z" />}
      {priority > 1 && [0, 1, 2].map(i => <rect key={i} x={1.5 + i * 4.8} y={10 - i * 4} width="3.2" height={4.5 + i * 4} rx="1" opacity={i < bars ? 1 : 0.28} />)}
    </svg>
  )
}

export function Avatar({ user, size = 20 }: { user: User | null, size?: number }) {
  const style = { width: size, height: size, fontSize: size * 0.42 }
  if (!user) return <span className="avatar nobody" style={style} role="img" aria-label="Nobody" title="Unassigned" />
  return <span className="avatar" style={{ ...style, background: user.color, color: inkOn(user.color) }} role="img" aria-label={user.name} title={user.name}>{initials(user.name)}</span>
}

export function LabelChip({ label }: { label: Label }) {
  return <span className="label-chip" title={label.name}><i style={{ background: label.color }} /><span>{label.name}</span></span>
}

export function Logo() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M6 12c5-5 9 5 14 0 2-2 4-2 6 0M6 20c5-5 9 5 14 0 2-2 4-2 6 0" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  )
}
