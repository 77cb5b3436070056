// Decimals as texts and packed: `src/value/numeric` has the same examples of packed bytes.
import { describe, expect, it } from 'vitest'
import { compareDecimals, isDecimal, packDecimal, plainDecimal, unpackDecimal } from '../../src/ts/decimal.js'

const bytes = (packed: string | undefined) => packed === undefined ? undefined : [...packed].map(c => c.charCodeAt(0))

describe('decimals', () => {
  it('are packed as the engine packs them', () => {
    expect(bytes(packDecimal('0.00'))).toEqual([64, 0, 0, 2])
    expect(bytes(packDecimal('1.50'))).toEqual([68, 89, 2, 51, 0, 2])
    expect(bytes(packDecimal('-1.5'))).toEqual([59, 39, 125, 76, 127, 0, 1])
    expect(bytes(packDecimal('12e8'))).toEqual([68, 93, 13, 0, 0])
    expect(bytes(packDecimal('0.001'))).toEqual([68, 87, 11, 0, 3])
  })

  it('come back as they were written', () => {
    for (const text of ['0', '0.00', '1', '-1', '10', '100', '1.5', '1.50', '-0.001', '123456789012345678901234567890.000000000000000000001', '9'.repeat(1000), `0.${'0'.repeat(999)}1`]) {
      expect(unpackDecimal(packDecimal(text)!)).toBe(text)
    }
    for (const [text, shown] of [['007.5', '7.5'], ['.5', '0.5'], ['5.', '5'], ['1.5e3', '1500'], ['12e-3', '0.012'], ['-0.0', '0.0'], [' +1e+2 ', '100'], ['0e10', '0'], [String(1e21), '1' + '0'.repeat(21)], [String(1e-7), '0.0000001']]) {
      expect(unpackDecimal(packDecimal(text)!)).toBe(shown)
    }
  })

  it('are refused when they are none, or too long', () => {
    for (const bad of ['', '.', '-', '1e', 'x', 'NaN', 'Infinity', '1 2', '1_0', '0x1', '1e1000', '1e-1001', '9'.repeat(1001)]) expect(isDecimal(bad)).toBe(false)
  })

  it('compare by value', () => {
    const order = ['-100', '-99.5', '-1.50', '-0.01', '0', '0.0001', '0.01', '1', '1.05', '9.99', '10', '1e3', '12345678901234567890']
    order.forEach((a, i) => order.forEach((b, j) => expect(Math.sign(compareDecimals(a, b))).toBe(Math.sign(i - j))))
    expect(compareDecimals('1.5', '1.500')).toBe(0)
    expect([plainDecimal('1.500'), plainDecimal('100'), plainDecimal('-0.0')]).toEqual(['1.5', '100', '0'])
  })
})
