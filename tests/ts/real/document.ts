// As much of a document as React renders into: a tree of nodes with texts and attributes. Set as `window` before react-dom is loaded.

class Node {
  parentNode: Node | null = null
  readonly childNodes: Node[] = []
  nodeValue: string | null = null
  readonly namespaceURI = 'http://www.w3.org/1999/xhtml'
  readonly style = { display: '', setProperty() {} }
  readonly attributes: unknown[] = []
  constructor(readonly nodeType: number, readonly nodeName: string, readonly ownerDocument: unknown) {}
  get tagName(): string { return this.nodeName }
  get data(): string | null { return this.nodeValue }
  get firstChild(): Node | null { return this.childNodes[0] ?? null }
  get lastChild(): Node | null { return this.childNodes.at(-1) ?? null }
  get nextSibling(): Node | null { return this.parentNode?.childNodes[this.parentNode.childNodes.indexOf(this) + 1] ?? null }
  get textContent(): string { return this.nodeType === 3 ? this.nodeValue! : this.childNodes.map(each => each.textContent).join('') }
  set textContent(text: string) {
    this.childNodes.length = 0
    if (text !== '') this.appendChild(this.#text(text))
  }
  appendChild(node: Node): Node { return this.insertBefore(node, null) }
  insertBefore(node: Node, before: Node | null): Node {
    node.parentNode?.removeChild(node)
    this.childNodes.splice(before === null ? this.childNodes.length : this.childNodes.indexOf(before), 0, node)
    node.parentNode = this
    return node
  }
  removeChild(node: Node): Node {
    this.childNodes.splice(this.childNodes.indexOf(node), 1)
    node.parentNode = null
    return node
  }
  contains(): boolean { return false }
  setAttribute(): void {}
  removeAttribute(): void {}
  addEventListener(): void {}
  removeEventListener(): void {}
  #text(text: string): Node {
    const node = new Node(3, '#text', this.ownerDocument)
    node.nodeValue = text
    return node
  }
}

/** A window with a document. */
export function documentWindow(): any {
  const window: any = { HTMLIFrameElement: class {}, event: undefined, addEventListener() {}, removeEventListener() {} }
  const document: any = new Node(9, '#document', null)
  Object.assign(document, {
    defaultView: window, activeElement: null,
    createElement: (name: string) => new Node(1, name.toUpperCase(), document),
    createTextNode: (text: string) => Object.assign(new Node(3, '#text', document), { nodeValue: text }),
  })
  document.documentElement = document.createElement('html')
  return Object.assign(window, { document })
}
