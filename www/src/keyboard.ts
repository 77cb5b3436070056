/** Keys that work wherever no text is being typed. */
import { useEffect, useRef } from 'react'

export interface Keys {
  step: (by: number) => void
  open: () => void
  close: () => void
  search: () => void
  create: () => void
}

const isTyping = (target: EventTarget | null) => target instanceof HTMLElement && target.closest('input, textarea, select') !== null

export function useKeyboard(keys: Keys): void {
  const current = useRef(keys)
  useEffect(() => { current.current = keys })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return
      const k = current.current
      if (event.key === 'Escape') {
        if (isTyping(event.target)) (event.target as HTMLElement).blur()
        else k.close()
        return
      }
      if (isTyping(event.target)) return
      switch (event.key) {
        case 'j': case 'ArrowDown': k.step(1); break
        case 'k': case 'ArrowUp': k.step(-1); break
        case 'PageDown': k.step(15); break
        case 'PageUp': k.step(-15); break
        case 'Enter':
          // A focused button or link has its own meaning of Enter.
          if (event.target instanceof Element && event.target.closest('a, button, summary, [role="button"]')) return
          k.open()
          break
        case '/': k.search(); break
        case 'c': k.create(); break
        default: return
      }
      event.preventDefault()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
