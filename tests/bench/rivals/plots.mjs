// Plots as SVG, without a library: dots on a logarithmic axis, one row per workload, one colour per side.
const colours = {
  eddyline: '#d6336c', 'by-hand': '#212529', recompute: '#868e96', tanstack: '#f08c00', zero: '#1971c2', rindle: '#2f9e44', tinybase: '#9c36b5',
  pglite: '#0c8599', 'pglite-incremental': '#66d9e8', perspective: '#a9805b', datascript: '#82c91e', parse: '#adb5bd',
}

/** All plots of a run: `{ file, title, svg }`. */
export function plots(results) {
  const lines = [...results.lines.values()]
  const of = (group, unit) => lines.filter((line) => line.group === group && (unit === undefined || line.unit === unit))
  return [
    { file: 'change.svg', title: 'One change, until the listener has looked at the result', unit: 'µs', lines: of('change') },
    { file: 'load.svg', title: 'Loading, until the first 50 rows of an ordered live query were read', unit: 'ms', lines: of('load') },
    { file: 'mount.svg', title: 'Mounting many queries; many changes at once', unit: 'ms', lines: [...of('many', 'ms'), ...of('transaction')] },
    { file: 'many.svg', title: 'One change with many queries mounted', unit: 'µs', lines: of('many', 'µs') },
    { file: 'memory.svg', title: 'Bytes that stay', unit: 'B', lines: of('memory') },
  ].filter((plot) => plot.lines.length > 0).map((plot) => ({ ...plot, svg: dots(plot, results) }))
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const tick = (value) => (value >= 1e6 ? `${value / 1e6} M` : value >= 1000 ? `${value / 1000} k` : String(Number(value.toPrecision(2))))

function dots({ title, unit, lines }, results) {
  const [left, right, top, step, width] = [360, 44, 94, 30, 960]
  const values = lines.flatMap((line) => Object.values(line.cells).map((cell) => cell.value)).filter((value) => value > 0)
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  const span = Math.max(1, high - low)
  const x = (value) => left + ((Math.log10(value) - low) / span) * (width - left - right)
  const names = [...results.head.sides.map((side) => side.name), 'parse'].filter((name) => lines.some((line) => line.cells[name]?.value > 0))
  const height = top + lines.length * step + 34
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="24" font-size="15" font-weight="600" fill="#212529">${escaped(title)}</text>`,
  ]
  let [at, down] = [16, 44]
  for (const name of names) {
    const label = results.title(name)
    const wide = 30 + label.length * 6.6
    if (at + wide > width) [at, down] = [16, down + 20]
    parts.push(`<circle cx="${at + 5}" cy="${down}" r="5" fill="${colours[name]}"/><text x="${at + 14}" y="${down + 4}" fill="#495057">${escaped(label)}</text>`)
    at += wide
  }
  for (let power = low; power <= low + span; power++) {
    const place = x(10 ** power)
    parts.push(`<line x1="${place}" y1="${top - 8}" x2="${place}" y2="${height - 28}" stroke="#e9ecef"/><text x="${place}" y="${height - 12}" text-anchor="middle" fill="#868e96">${tick(10 ** power)}${power === low + span ? ` ${unit}` : ''}</text>`)
  }
  lines.forEach((line, i) => {
    const y = top + i * step + step / 2
    parts.push(`<text x="${left - 14}" y="${y + 4}" text-anchor="end" fill="#212529">${escaped(line.name)}</text><line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}" stroke="#f1f3f5"/>`)
    // Ours last, on top of the others.
    const cells = Object.entries(line.cells).filter(([, cell]) => cell.value > 0).sort(([a], [b]) => (a === 'eddyline') - (b === 'eddyline'))
    for (const [name, { value }] of cells) {
      parts.push(`<circle cx="${x(value).toFixed(1)}" cy="${y}" r="${name === 'eddyline' ? 7 : 5}" fill="${colours[name] ?? '#495057'}" fill-opacity="0.85"><title>${escaped(`${results.title(name)}: ${value.toPrecision(3)} ${unit}`)}</title></circle>`)
    }
  })
  return `${parts.join('\n')}\n</svg>\n`
}
