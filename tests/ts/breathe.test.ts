// Long work in slices: when it gives way.
import { expect, it } from 'vitest'
import { slices } from '../../src/ts/breathe.js'

it('gives way before a step that would not fit into the slice, and begins a new one', async () => {
  const breath = slices(10_000)
  expect([breath(), breath(9_000)]).toEqual([undefined, undefined])
  const given = breath(10_000)
  expect(given).toBeInstanceOf(Promise)
  await given
  expect(breath(9_000)).toBeUndefined()
})
