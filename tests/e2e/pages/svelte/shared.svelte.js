// A module of an application: state and a query that components share.
import { useLiveQuery } from 'eddyline/svelte'

export function shared(db) {
  let status = $state('open')
  const issues = useLiveQuery((d) => d.query.issues.where('status', '=', status).orderBy('id'), { db })
  return { issues, set status(value) { status = value } }
}

/** Looks until it is told to stop. */
export const watched = (look) => $effect.root(() => { $effect(look) })
