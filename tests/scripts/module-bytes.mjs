// A WebAssembly module as bytes: its sections, the code of its functions, and names for them.

/** A LEB128 number at `at`, and the place behind it. */
export function number(bytes, at) {
  let value = 0
  for (let weight = 1; ; weight *= 128) {
    const byte = bytes[at++]
    value += (byte & 0x7f) * weight
    if (byte < 0x80) return [value, at]
  }
}

/** The LEB128 bytes of a number. */
function leb(value) {
  const bytes = []
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80)
  return Buffer.from([...bytes, value])
}

const CUSTOM = 0, IMPORT = 2, GLOBAL = 6, EXPORT = 7, CODE = 10
const FUNCTION = 0, TABLE = 1, MEMORY = 2, GLOBAL_KIND = 3

/** A vector's bytes with its length in front. */
const vector = (bytes) => Buffer.concat([leb(bytes.length), bytes])

function sections(wasm) {
  const found = []
  for (let from = 8; from < wasm.length;) {
    const [length, body] = number(wasm, from + 1)
    found.push({ id: wasm[from], from, body, end: body + length })
    from = body + length
  }
  return found
}

function nameOf(wasm, section) {
  const [length, at] = number(wasm, section.body)
  return wasm.subarray(at, at + length).toString()
}

/** How many functions the module imports: they are numbered before its own. */
function importedFunctions(wasm) {
  const section = sections(wasm).find(({ id }) => id === IMPORT)
  if (section === undefined) return 0
  let functions = 0
  let [left, at] = number(wasm, section.body)
  const pass = () => { at = number(wasm, at)[1] }
  const limits = () => {
    const most = wasm[at++] & 1
    pass()
    if (most) pass()
  }
  for (; left > 0; left--) {
    for (let names = 0; names < 2; names++) {
      const [length, behind] = number(wasm, at)
      at = behind + length
    }
    const kind = wasm[at++]
    if (kind === FUNCTION) { functions++; pass() }
    else if (kind === TABLE) { at++; limits() }
    else if (kind === MEMORY) limits()
    else at += 2
  }
  return functions
}

/** The code of the module's own functions, in their order. */
export function bodies(wasm) {
  const section = sections(wasm).find(({ id }) => id === CODE)
  let [left, at] = number(wasm, section.body)
  const list = []
  for (; left > 0; left--) {
    const [length, behind] = number(wasm, at)
    list.push(wasm.subarray(behind, behind + length))
    at = behind + length
  }
  return list
}

/** The module with a name for each of its own functions, and no other names. */
export function withNames(wasm, names) {
  const imported = importedFunctions(wasm)
  const entries = names.flatMap((name, i) => [leb(imported + i), vector(Buffer.from(name))])
  const FUNCTIONS = 1
  const map = Buffer.concat([leb(names.length), ...entries])
  const section = Buffer.concat([vector(Buffer.from('name')), Buffer.from([FUNCTIONS]), vector(map)])
  const kept = sections(wasm).filter((s) => s.id !== CUSTOM || nameOf(wasm, s) !== 'name').map((s) => wasm.subarray(s.from, s.end))
  return Buffer.concat([wasm.subarray(0, 8), ...kept, Buffer.from([CUSTOM]), vector(section)])
}

/** The names of the module's own functions, in their order; undefined of one that has none. */
export function namesOf(wasm) {
  const imported = importedFunctions(wasm)
  const names = []
  const FUNCTIONS = 1
  for (const section of sections(wasm).filter((s) => s.id === CUSTOM && nameOf(wasm, s) === 'name')) {
    const [title, behindTitle] = number(wasm, section.body)
    for (let at = behindTitle + title; at < section.end;) {
      const kind = wasm[at]
      const [length, body] = number(wasm, at + 1)
      at = body + length
      if (kind !== FUNCTIONS) continue
      let [left, place] = number(wasm, body)
      for (; left > 0; left--) {
        const [index, behind] = number(wasm, place)
        const [size, text] = number(wasm, behind)
        place = text + size
        names[index - imported] = wasm.subarray(text, place).toString()
      }
    }
  }
  return names
}

/** The module with a counter of its calls for each of its own functions: globals that are exported as `calls0`, `calls1` … in their order. */
export function counted(wasm) {
  const codes = bodies(wasm)
  const bodyOf = (wanted) => { const { body, end } = sections(wasm).find(({ id }) => id === wanted); return wasm.subarray(body, end) }
  const longer = (bytes, more) => { const [length, at] = number(bytes, 0); return Buffer.concat([leb(length + more.length), bytes.subarray(at), ...more]) }
  const [I32, MUTABLE, GET, SET, CONST, ADD, END] = [0x7f, 1, 0x23, 0x24, 0x41, 0x6a, 0x0b]
  const [globals] = number(bodyOf(GLOBAL), 0)
  const behindLocals = (code) => {
    let [left, at] = number(code, 0)
    for (; left > 0; left--) at = number(code, at)[1] + 1
    return at
  }
  const made = {
    [GLOBAL]: () => longer(bodyOf(GLOBAL), codes.map(() => Buffer.from([I32, MUTABLE, CONST, 0, END]))),
    [EXPORT]: () => longer(bodyOf(EXPORT), codes.map((_, i) => Buffer.concat([vector(Buffer.from(`calls${i}`)), Buffer.from([GLOBAL_KIND]), leb(globals + i)]))),
    [CODE]: () => Buffer.concat([leb(codes.length), ...codes.map((code, i) => {
      const [at, global] = [behindLocals(code), leb(globals + i)]
      return vector(Buffer.concat([code.subarray(0, at), Buffer.from([GET]), global, Buffer.from([CONST, 1, ADD, SET]), global, code.subarray(at)]))
    })]),
  }
  const all = sections(wasm).filter(({ id }) => id !== CUSTOM)
  return Buffer.concat([wasm.subarray(0, 8), ...all.map((s) => (s.id in made ? Buffer.concat([Buffer.from([s.id]), vector(made[s.id]())]) : wasm.subarray(s.from, s.end)))])
}
