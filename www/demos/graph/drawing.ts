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

type Point = readonly [x: number, y: number]

/** An edge from rim to rim, bent so that two of opposite ways are apart; one to itself is a loop: the points of a Bézier curve. */
function curve(a: Place, b: Place): readonly Point[] {
  if (a === b) return [[a.x - 10, a.y - RADIUS + 2], [a.x - 45, a.y - 75], [a.x + 45, a.y - 75], [a.x + 12, a.y - RADIUS]]
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = Math.hypot(dx, dy)
  const [ux, uy] = [dx / length, dy / length]
  const [mx, my] = [(a.x + b.x) / 2 - uy * 26, (a.y + b.y) / 2 + ux * 26]
  const rim = (p: Place, r: number): Point => { const d = Math.hypot(mx - p.x, my - p.y); return [p.x + (mx - p.x) / d * r, p.y + (my - p.y) / d * r] }
  return [rim(a, RADIUS), [mx, my], rim(b, RADIUS + 3)]
}

/** The point of a Bézier curve at `t`, by de Casteljau's rule. */
function along(points: readonly Point[], t: number): Point {
  if (points.length === 1) return points[0]
  return along(points.slice(1).map(([x, y], i): Point => [points[i][0] + (x - points[i][0]) * t, points[i][1] + (y - points[i][1]) * t]), t)
}

const AWAY = RADIUS + 13
/** How far a badge is to be from edges and other nodes. */
const CLEAR = 15

/** Where the badge of a node covers nothing: at its upper right, else at the next side that is free, else at the freest. */
function badgePlace(p: Place, inTheWay: readonly Point[]): Point {
  let best: { readonly place: Point; readonly free: number } | undefined
  for (const turn of [-1, 1, -3, 3, -2, 0, 2, 4]) {
    const place: Point = [p.x + Math.cos(turn * Math.PI / 4) * AWAY, p.y + Math.sin(turn * Math.PI / 4) * AWAY]
    const free = Math.min(...inTheWay.map(([x, y]) => Math.hypot(x - place[0], y - place[1])))
    if (free >= CLEAR) return place
    if (best === undefined || free > best.free) best = { place, free }
  }
  return best!.place
}

export function draw(into: Element, picture: Picture, on: { node(id: number): void; edge(from: number, to: number): void; begin(id: number): void }): void {
  const { places, edges, reached, start, chosen } = picture
  const at = new Map(places.map(p => [p.id, p]))
  const curves = edges.map(([from, to]) => curve(at.get(from)!, at.get(to)!))
  const sampled = curves.flatMap(points => Array.from({ length: 25 }, (_, i) => along(points, i / 24)))
  const lines = edges.map(([from, to], i) => {
    const live = from === start || reached.has(from)
    const [first, ...rest] = curves[i].map(p => p.join(' '))
    const d = `M${first} ${rest.length === 2 ? 'Q' : 'C'} ${rest.join(' ')}`
    const name = (id: number): string => at.get(id)!.name
    const edge = make('g', { class: live ? 'edge live' : 'edge', 'data-edge': `${from}-${to}`, role: 'button', tabindex: 0, 'aria-label': `Edge from ${name(from)} to ${name(to)}: cut it` }, make('path', { class: 'shown', d, 'marker-end': live ? 'url(#tip-live)' : 'url(#tip)' }), make('path', { class: 'hit', d }))
    edge.addEventListener('click', () => { on.edge(from, to) })
    onEnter(edge, () => { on.edge(from, to) })
    return edge
  })
  const nodes = places.map(p => {
    const ways = reached.get(p.id)
    const classes = ['node', ...(ways === undefined ? [] : ['live']), ...(p.id === start ? ['start'] : []), ...(p.id === chosen ? ['chosen'] : [])]
    const said = `${p.name}${ways === undefined ? '' : `×${ways}`}, a node${p.id === start ? ' where it begins' : ''}${ways === undefined ? '' : `, derived in ${ways} ${ways === 1 ? 'way' : 'ways'}`}${p.id === chosen ? ', chosen' : ''}`
    const node = make('g', { class: classes.join(' '), 'data-node': p.id, role: 'button', tabindex: 0, 'aria-label': said, transform: `translate(${p.x} ${p.y})` }, make('circle', { r: RADIUS }), make('text', {}, p.name))
    if (ways !== undefined) {
      // Other nodes are in the way as far as their rims are.
      const rims = places.flatMap(o => o === p ? [] : Array.from({ length: 8 }, (_, i): Point => [o.x + Math.cos(i * Math.PI / 4) * RADIUS, o.y + Math.sin(i * Math.PI / 4) * RADIUS]))
      const [x, y] = badgePlace(p, [...sampled, ...rims])
      node.append(make('text', { class: 'badge', x: x - p.x, y: y - p.y }, `×${ways}`))
    }
    node.addEventListener('click', () => { on.node(p.id) })
    node.addEventListener('dblclick', () => { on.begin(p.id) })
    onEnter(node, isShift => { if (isShift) on.begin(p.id); else on.node(p.id) })
    return node
  })
  // What has the focus is drawn anew, too.
  const focused = into.contains(document.activeElement) ? (document.activeElement as SVGElement).dataset : undefined
  into.replaceChildren(make('defs', {}, arrow('tip'), arrow('tip-live')), ...lines, ...nodes)
  if (focused?.node !== undefined) into.querySelector<SVGElement>(`[data-node="${focused.node}"]`)?.focus()
  else if (focused?.edge !== undefined) into.querySelector<SVGElement>(`[data-edge="${focused.edge}"]`)?.focus()
}

/** Enter and the space bar do what a click does. */
function onEnter(element: SVGElement, act: (isShift: boolean) => void): void {
  element.addEventListener('keydown', event => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    act(event.shiftKey)
  })
}
