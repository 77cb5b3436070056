// Stand-in for the declarations that wasm-bindgen writes next to the compiled files, so that the sources type-check without a build.
export interface InitOutput { readonly memory: WebAssembly.Memory }
type Source = BufferSource | WebAssembly.Module | Response | Promise<Response> | URL | string
export default function init(options: { module_or_path: Source | Promise<Source> }): Promise<InitOutput>
export function initSync(options: { module: BufferSource | WebAssembly.Module }): InitOutput
/** The text of the panic that caused the last trap; once. */
export function last_panic(): string | undefined
export class Engine {
  constructor(schema: unknown)
  free(): void
  relations(): unknown
  scratch(len: number): number
  stage(len: number): void
  fail(): void
  commit(len: number): number
  json_begin(opts: unknown, whole: boolean): void
  json_push(len: number, whole: boolean): void
  json_part(): number
  json_end(whole: boolean): number
  json_abort(whole: boolean): void
  json_apply(len: number): number
  envelope(): unknown[]
  register(query: unknown, sliced: boolean): unknown
  admit(view: number, places: number): number
  pending(view: number): number
  form(query: unknown): number
  mount(form: number, constants: readonly unknown[]): number
  set_params(view: number, params: unknown): number
  show(view: number, start: number, count: number): number
  total(view: number): number
  snapshot(view: number): number
  slice(view: number, start: number, count: number): number
  unregister(view: number): boolean
  sweep(pieces: number, all: boolean): boolean
  row_ptr(rel: number, handle: number): number
  pair_left(rel: number, handle: number): number
  pair_right(rel: number, handle: number): number
  explain(view: number): string
  stats(): unknown
  cursor(source: string): string | undefined
  version(): number
  view_error(view: number): unknown
  budget(bytes: number): number
}
