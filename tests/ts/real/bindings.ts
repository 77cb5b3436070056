// The bindings of frameworks, each in its own framework and without a document: a component that asks for what it is told to, and what it shows.
// Node takes Solid and Svelte from their builds for servers: a test that imports this mocks them with those for browsers.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Component, createElement, type ReactNode } from 'react'
import { createComponent, createRenderEffect, createRoot, createSignal } from 'solid-js'
import { flushSync } from 'svelte'
import { compileModule } from 'svelte/compiler'
import { expect, vi } from 'vitest'
import { createRenderer, defineComponent, h, nextTick, onErrorCaptured, shallowRef } from 'vue'
import * as react from '../../../pkg/react/index.js'
import * as solid from '../../../pkg/solid/index.js'
import * as svelte from '../../../pkg/svelte/index.js'
import * as vue from '../../../pkg/vue/index.js'
import { documentWindow } from './document.js'

/** What a component asks for. */
export interface Spec { readonly make: (db: any) => any; readonly params?: object; readonly window?: readonly [number, number] }
export type Snapshot = vue.QuerySnapshot<any>
/** What it shows, or throws. */
export interface Seen { readonly snapshot?: Snapshot; readonly thrown?: any }

export interface Mounted {
  /** Each time it looked. */
  readonly seen: Seen[]
  ask(spec: Spec): void
  give(db: unknown): void
  /** Until the framework has nothing to do. */
  settle(): Promise<void> | void
  unmount(): void
}
export interface Binding { readonly name: string; mount(db: unknown, spec: Spec): Promise<Mounted> | Mounted }

const options = ({ params, window }: Spec): any => ({ ...params === undefined ? {} : { params }, ...window === undefined ? {} : { window } })

class Boundary extends Component<{ seen: Seen[]; again: unknown; children?: ReactNode }, { failed: unknown }> {
  override state: { failed: unknown } = { failed: undefined }
  static getDerivedStateFromError(error: unknown): { failed: unknown } { return { failed: { error } } }
  override componentDidCatch(error: unknown): void { this.props.seen.push({ thrown: error }) }
  override componentDidUpdate(before: { again: unknown }): void { if (before.again !== this.props.again && this.state.failed !== undefined) this.setState({ failed: undefined }) }
  override render(): ReactNode { return this.state.failed === undefined ? this.props.children : null }
}

const inReact: Binding = {
  name: 'react',
  async mount(given, spec) {
    const window = documentWindow()
    for (const [name, value] of Object.entries({ window, document: window.document, navigator: { userAgent: '' } })) vi.stubGlobal(name, value)
    const { createRoot: rootOf } = await import('react-dom/client')
    const scheduler: any = await import('scheduler' as string)
    const seen: Seen[] = []
    const Shows = ({ asked }: { asked: Spec }): ReactNode => {
      const snapshot = react.useLiveQuery(asked.make, options(asked))
      seen.push({ snapshot })
      return null
    }
    const root = rootOf(window.document.createElement('div'), { onCaughtError() {} })
    const draw = (): void => {
      const again = {}
      root.render(createElement(react.EddylineProvider, { db: given as never, children: createElement(Boundary, { seen, again, children: createElement(Shows, { asked: spec }) }) }))
    }
    const settle = async (): Promise<void> => {
      for (let n = 0; n < 4; n++) { await new Promise(resolve => setTimeout(resolve)); await new Promise<void>(resolve => { scheduler.unstable_scheduleCallback(scheduler.unstable_IdlePriority, resolve) }) }
    }
    draw()
    await settle()
    return { seen, settle, ask(next) { spec = next; draw() }, give(next) { given = next; draw() }, unmount() { root.unmount() } }
  },
}

/** A renderer to nothing: components live and update as in a page. */
const { createApp } = createRenderer<object, object>({
  patchProp() {}, insert() {}, remove() {}, createElement: () => ({}), createText: () => ({}), createComment: () => ({}), setText() {}, setElementText() {}, parentNode: () => ({}), nextSibling: () => null,
})
const inVue: Binding = {
  name: 'vue',
  mount(db, spec) {
    const given = shallowRef(db), asked = shallowRef(spec), seen: Seen[] = []
    const Shows = defineComponent({
      setup() {
        const { snapshot } = vue.useLiveQuery((d: any) => asked.value.make(d), { params: () => asked.value.params as never, window: () => asked.value.window })
        return () => { seen.push({ snapshot: snapshot.value }); return null }
      },
    })
    const app = createApp(defineComponent({
      setup() {
        vue.provideDatabase(given as never)
        onErrorCaptured(error => { seen.push({ thrown: error }); return false })
        return () => h(Shows)
      },
    }))
    // A component whose setup throws has no render function.
    app.config.warnHandler = () => {}
    app.mount({})
    return { seen, settle: () => nextTick(), ask(next) { asked.value = next }, give(next) { given.value = next }, unmount() { app.unmount() } }
  },
}

const inSolid: Binding = {
  name: 'solid',
  mount(db, spec) {
    const [given, give] = createSignal(db), [asked, ask] = createSignal(spec), seen: Seen[] = []
    const looked = <T>(look: () => T): T | undefined => { try { return look() } catch (thrown) { seen.push({ thrown }); return undefined } }
    const Shows = (): null => {
      const live = looked(() => solid.createLiveQuery(d => asked().make(d), () => options(asked())))
      if (live !== undefined) createRenderEffect(() => { looked(() => { seen.push({ snapshot: live.snapshot() }) }) })
      return null
    }
    const unmount = createRoot(dispose => {
      createComponent(solid.EddylineProvider, { get db() { return given() as never }, get children() { return createComponent(Shows, {}) } })
      return dispose
    })
    return { seen, settle() {}, ask, give(next) { give(() => next) }, unmount }
  },
}

const folder = new URL('../../../.data/bindings/', import.meta.url)
let compiled: Promise<any> | undefined
/** Each test file has its own: they run at the same time. */
function component(): Promise<any> {
  const { js } = compileModule(readFileSync(new URL('binding.svelte.js', import.meta.url), 'utf8'), { filename: 'binding.svelte.js', generate: 'client' })
  const file = new URL(`${basename(expect.getState().testPath!)}.js`, folder)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, js.code)
  return import(/* @vite-ignore */ fileURLToPath(file))
}
const inSvelte: Binding = {
  name: 'svelte',
  async mount(db, spec) {
    vi.stubGlobal('window', {})
    const { mounted } = await (compiled ??= component())
    return mounted(svelte.useLiveQuery, flushSync, db, spec)
  },
}

export const bindings: readonly Binding[] = [inReact, inVue, inSvelte, inSolid]
