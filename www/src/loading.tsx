/** Shown until the first snapshot is in the engine. */
import { useConnection } from './connection'
import { megabytes } from './format'
import { Logo } from './icons'

export function Loading() {
  const { phase, received, total, error } = useConnection()
  const part = total ? Math.min(received / total, 1) : undefined
  return (
    <div className="loading" role="status">
      <Logo />
      <p>{phase === 'failed' ? 'The feed stopped.' : received === 0 ? 'Waiting for the server …' : part === 1 ? 'Building the views …' : 'Loading the snapshot …'}</p>
      <progress value={part} max={1} />
      <p className="muted small">{error ?? (received > 0 ? `${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''}` : ' ')}</p>
    </div>
  )
}
