// The TypeScript layer as it is shipped: few modules, small names, no comments but those that bundlers read. Users' bundlers
// would do the same; pages without one download 40 % less. Declarations are not touched: editors read them.
import { join, posix } from 'node:path'
import { SetupError } from './command.mjs'

/** What stays a module of its own, made by other rooms or by hosts. */
const apart = /(^|\/)(glue\.js|wasm-bytes\.js|engine\.wasm)$|^(react|vue|svelte|solid-js)(\/|$)/

const entries = ['index', 'index.inline', 'index.slim', 'index.workerd', 'react/index', 'vue/index', 'svelte/index', 'solid/index', 'project/index', 'reduce/index', 'storage/index', 'storage/opfs-worker', 'sync/index', 'tanstack/index', 'watch/index', 'datalog/index', 'datascript/index', 'worker/index', 'worker/host', 'worker/inside']

const smaller = { compress: { target: 'es2022' }, mangle: true, codegen: { removeWhitespace: true } }

/** A module on its own, smaller. */
export async function minified(name, code) {
  const { minify } = await import('rolldown/utils')
  const { code: small, errors } = await minify(name, code, { module: true, ...smaller })
  if (errors.length) throw new SetupError(`${name} could not be minified: ${errors[0].message}`)
  return `${small.trimEnd()}\n`
}

/** Files of the bundle of the compiled modules in `folder`: name → code. Entries keep their names. */
export async function bundled(folder) {
  // Imported late: the packages may just have been installed.
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((name) => [name, join(folder, `${name}.js`)])),
    external: (id) => apart.test(id),
    treeshake: { moduleSideEffects: false },
    onLog: (level, log) => { if (level === 'warn') throw new SetupError(`the bundle of the TypeScript layer: ${log.message}`) },
  })
  const { output } = await bundle.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // The ways to the binary stay out of it: an entry has only its own. So do rooms that have an entry of their own.
    codeSplitting: { groups: [{ name: 'core', test: (id) => !/[\/](boot[\/](browser|inline|workerd)|(bindings|project|reduce|storage|sync|tanstack|watch|datalog|datascript|worker)[\/](lower[\/])?\w[\w-]*|(index[\w.]*))\.js$/.test(id) }] },
    minifyInternalExports: true,
    minify: smaller,
    comments: { annotation: true, legal: false, jsdoc: false },
  })
  await bundle.close()
  const files = new Map(output.map((file) => [file.fileName, `${directive(file)}${passedOn(besideIt(file)).trimEnd()}\n`]))
  // Workers are named by their file, which nothing else here looks at.
  for (const [name, code] of files) {
    for (const [, worker] of code.matchAll(/new URL\("([^"]+\.js)",\s*import\.meta\.url\)/g)) if (!files.has(posix.join(posix.dirname(name), worker))) throw new SetupError(`${name} names the worker ${worker}, and there is no such file`)
  }
  return files
}

/** Servers of React's components leave a module to the browser by its first statement. Bundling does not keep such a statement of the source. */
const directive = ({ fileName }) => (fileName === 'react/index.js' ? '"use client";' : '')

/** What a module only passes on is exported from where it is, without a name for it here: `import{a as b}…export{b as c}` is `export{a as c}from…`. */
function passedOn(code) {
  const [exporting, exported] = code.match(/export\{([^{}]*)\};?\s*$/) ?? []
  if (exported === undefined) return code
  const pairs = (list) => list.split(',').filter(Boolean).map((item) => { const [name, as = name] = item.trim().split(' as '); return [name, as] })
  let own = pairs(exported)
  let rest = code.slice(0, -exporting.length)
  const added = []
  for (const [importing, list, from] of rest.matchAll(/import\{([^{}]*)\}from("[^"]+");/g)) {
    const others = rest.replace(importing, '')
    const isOnlyPassed = ([, as]) => own.some(([name]) => name === as) && !new RegExp(`(?<![\\w$])${as.replace(/\$/g, '\\$')}(?![\\w$])`).test(others)
    const passed = pairs(list).filter(isOnlyPassed)
    if (passed.length === 0) continue
    const written = (items) => items.map(([name, as]) => (name === as ? name : `${name} as ${as}`)).join(',')
    const kept = pairs(list).filter((item) => !isOnlyPassed(item))
    rest = rest.replace(importing, kept.length === 0 ? '' : `import{${written(kept)}}from${from};`)
    added.push(`export{${written(passed.flatMap(([name, as]) => own.filter(([local]) => local === as).map(([, to]) => [name, to])))}}from${from};`)
    own = own.filter(([local]) => !passed.some(([, as]) => as === local))
    // What is imported is in the order of its names there.
  }
  const left = own.map(([name, as]) => (name === as ? name : `${name} as ${as}`)).join(',')
  return `${rest}${added.join('')}${left === '' ? '' : `export{${left}};`}`
}

/** The binary and workers are named from where the module is now, in the literal form that bundlers look for. */
function besideIt({ fileName, code }) {
  const up = '../'.repeat(fileName.split('/').length - 1) || './'
  return code.replace(/type:`module`/g, `type:"module"`).replace(/new URL\([`'"]\.\.\/engine\.wasm[`'"]/g, `new URL("${up}engine.wasm"`).replace(/new URL\(`(\.\/[\w-]+\.js)`/g, (_, worker) => `new URL("${worker === './opfs-worker.js' && !fileName.startsWith('storage/') ? `${up}storage/opfs-worker.js` : worker}"`)
}
