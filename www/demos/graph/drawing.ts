// The graph as SVG: drawn anew from what is known; clicks are told.

export interface Place { readonly id: number; readonly name: string; readonly x: number; readonly y: number }
export interface Picture {
  readonly places: readonly Place[]
  readonly edges: readonly (readonly [from: number, to: number])[]
  /** Derivations of what is reached. */
  readonly reached: ReadonlyMap<number, number>
  readonly start: number
  readonly chosen: number | undefined
}

const SVG = 'http://www.w3.org/2000/svg'
const RADIUS = 22

function make(name: string, attributes: Record<string, string | number>, ...children: (Element | string)[]): SVGElement {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.append(...children)
  return made
}

const arrow = (id: string): SVGElement => make('marker', { id, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: 'auto' }, make('path', { d: 'M0 0 10 5 0 10z' }))

/** An edge from rim to rim, bent so that two of opposite ways are apart; one to itself is a loop. */
function curve(a: Place, b: Place): string {
  if (a === b) return `M${a.x - 10} ${a.y - RADIUS + 2} C ${a.x - 45} ${a.y - 75} ${a.x + 45} ${a.y - 75} ${a.x + 12} ${a.y - RADIUS}`
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = Math.hypot(dx, dy)
  const [ux, uy] = [dx / length, dy / length]
  const [mx, my] = [(a.x + b.x) / 2 - uy * 26, (a.y + b.y) / 2 + ux * 26]
  const rim = (p: Place, r: number): [number, number] => { const d = Math.hypot(mx - p.x, my - p.y); return [p.x + (mx - p.x) / d * r, p.y + (my - p.y) / d * r] }
  const [x1, y1] = rim(a, RADIUS)
  const [x2, y2] = rim(b, RADIUS + 3)
  return `M${x1} ${y1} Q ${mx} ${my} ${x2} ${y2}`
}

export function draw(into: Element, picture: Picture, on: { node(id: number): void; edge(from: number, to: number): void; begin(id: number): void }): void {
  const { places, edges, reached, start, chosen } = picture
  const at = new Map(places.map(p => [p.id, p]))
  const lines = edges.map(([from, to]) => {
    const live = from === start || reached.has(from)
    const d = curve(at.get(from)!, at.get(to)!)
    const edge = make('g', { class: live ? 'edge live' : 'edge', 'data-edge': `${from}-${to}` }, make('path', { class: 'shown', d, 'marker-end': live ? 'url(#tip-live)' : 'url(#tip)' }), make('path', { class: 'hit', d }))
    edge.addEventListener('click', () => { on.edge(from, to) })
    return edge
  })
  const nodes = places.map(p => {
    const ways = reached.get(p.id)
    const classes = ['node', ...(ways === undefined ? [] : ['live']), ...(p.id === start ? ['start'] : []), ...(p.id === chosen ? ['chosen'] : [])]
    const node = make('g', { class: classes.join(' '), 'data-node': p.id, transform: `translate(${p.x} ${p.y})` }, make('circle', { r: RADIUS }), make('text', {}, p.name))
    if (ways !== undefined) node.append(make('text', { class: 'badge', x: RADIUS + 4, y: -RADIUS + 2 }, `×${ways}`))
    node.addEventListener('click', () => { on.node(p.id) })
    node.addEventListener('dblclick', () => { on.begin(p.id) })
    return node
  })
  into.replaceChildren(make('defs', {}, arrow('tip'), arrow('tip-live')), ...lines, ...nodes)
}
