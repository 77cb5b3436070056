// A component of Svelte without its markup: compiled by `bindings.ts`, as Svelte compiles modules with runes.

/** `useLiveQuery` is given, so that this module needs nothing of where the package is. */
export function mounted(useLiveQuery, flushSync, db, spec) {
  let given = $state.raw(db), asked = $state.raw(spec)
  const seen = []
  const stop = $effect.root(() => {
    const live = useLiveQuery(d => asked.make(d), () => ({ db: given ?? null, params: asked.params, window: asked.window }))
    $effect(() => {
      try { seen.push({ snapshot: live.snapshot }) } catch (error) { seen.push({ thrown: error }) }
    })
  })
  flushSync()
  return {
    seen,
    ask(next) { asked = next },
    give(next) { given = next },
    settle() { flushSync() },
    unmount() { stop() },
  }
}
