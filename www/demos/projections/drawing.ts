// The graph as SVG: tables at the left, then each level of the plan.

export interface Box {
  readonly name: string
  readonly kind: 'table' | 'virtual' | 'view' | 'derive'
  readonly column: number
  readonly inputs: readonly string[]
  readonly rows: number
  /** What the last change did to it. */
  readonly last: string
  readonly status: string
  readonly fresh: boolean
}

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 150, HEIGHT = 68

function make(name: string, attributes: Record<string, string | number>, ...children: (Element | string)[]): SVGElement {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.append(...children)
  return made
}

/** Draws boxes in columns, and lines from what is read to what reads it. */
export function draw(into: Element, boxes: readonly Box[]): void {
  const columns = Math.max(...boxes.map(b => b.column)) + 1
  const spacing = (900 - WIDTH) / Math.max(1, columns - 1)
  const at = new Map(boxes.map(box => {
    const beside = boxes.filter(b => b.column === box.column)
    const x = 10 + box.column * spacing
    const y = 165 + (beside.indexOf(box) - (beside.length - 1) / 2) * 120 + (box.column % 2 === 0 ? 0 : -18)
    return [box.name, { x, y }]
  }))
  const lines = boxes.flatMap(box => box.inputs.map(input => {
    const a = at.get(input)!, b = at.get(box.name)!
    const [x1, y1, x2, y2] = [a.x + WIDTH, a.y, b.x - 4, b.y]
    // Straight past the columns between, and not through their boxes.
    const from = x1 + Math.round((b.x - a.x) / spacing - 1) * spacing
    const bend = (x2 - from) / 2
    return make('path', { class: box.fresh ? 'edge fresh' : 'edge', d: `M${x1} ${y1} H${from} C ${from + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, 'marker-end': 'url(#tip)' })
  }))
  const nodes = boxes.map(box => {
    const { x, y } = at.get(box.name)!
    return make('g', { class: `box ${box.kind} ${box.status}${box.fresh ? ' fresh' : ''}`, 'data-node': box.name, transform: `translate(${x} ${y - HEIGHT / 2})` },
      make('rect', { width: WIDTH, height: HEIGHT, rx: 8 }),
      make('text', { class: 'name', x: 10, y: 20 }, box.name),
      make('text', { class: 'kind', x: WIDTH - 10, y: 20, 'text-anchor': 'end' }, { table: 'table', virtual: 'virtual', view: 'view', derive: 'function' }[box.kind]),
      make('text', { class: 'rows', x: 10, y: 40 }, `${box.rows.toLocaleString('en')} ${box.rows === 1 ? 'row' : 'rows'}`),
      make('text', { class: 'last', x: 10, y: 57 }, box.status === 'paused' ? 'paused' : box.last))
  })
  into.replaceChildren(make('defs', {}, make('marker', { id: 'tip', viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: 'auto' }, make('path', { d: 'M0 0 10 5 0 10z' }))), ...lines, ...nodes)
}
