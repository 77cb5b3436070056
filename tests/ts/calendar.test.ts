// Dates, times and uuids as texts: what `src/value/calendar.rs` does, in JavaScript.
import { describe, expect, it } from 'vitest'
import { dateText, daysOf, timeOf, timeText, uuidOf } from '../../src/ts/calendar.js'

describe('days', () => {
  it('are counted from 1970 in the whole calendar', () => {
    for (const [text, days] of [['1970-01-01', 0], ['1969-12-31', -1], ['2024-02-29', 19782], ['0001-12-31 BC', -719163], ['0001-01-01', -719162], ['4713-01-01 BC', -2440550], ['294246-12-31', 106751981]] as const) {
      expect(daysOf(text)).toBe(days)
      expect(dateText(days)).toBe(text)
    }
    expect(daysOf(new Date('2024-02-29T23:59:59Z'))).toBe(19782)
    for (let days = -800_000; days < 4_000_000; days += 997) expect(daysOf(dateText(days))).toBe(days)
    for (const bad of ['2024-02-30', '2023-02-29', '2024-13-01', '2024-1-1', '0000-01-01', '02024-01-01', '2024-01-01T00:00', '', 5, null, new Date(NaN)]) expect(daysOf(bad)).toBe(undefined)
  })
})

describe('times of day', () => {
  it('have microseconds', () => {
    for (const [text, micros, shown] of [['09:30', 34_200_000_000, '09:30:00'], ['23:59:59.5', 86_399_500_000, '23:59:59.5'], ['24:00:00', 86_400_000_000, '24:00:00'], ['00:00:00.000001', 1, '00:00:00.000001']] as const) {
      expect(timeOf(text)).toBe(micros)
      expect(timeText(micros)).toBe(shown)
    }
    for (const bad of ['9:30', '25:00', '24:00:01', '10:60', '10', '', 5]) expect(timeOf(bad)).toBe(undefined)
  })
})

describe('uuids', () => {
  it('have one form', () => {
    const want = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
    for (const text of [want, want.toUpperCase(), `{${want}}`, want.replaceAll('-', ''), 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11']) expect(uuidOf(text)).toBe(want)
    for (const bad of ['', `{${want}`, `${want}0`, `${want}-`, want.replace('a0', 'g0'), 'a0e-ebc999c0b4ef8bb6d6bb9bd380a11', 5]) expect(uuidOf(bad)).toBe(undefined)
  })
})
