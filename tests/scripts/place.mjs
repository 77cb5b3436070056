// Where things are: the repository, the package it builds, and the git-ignored cache of the scripts.
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '')
export const inRoot = (...parts) => join(root, ...parts)
export const pkg = inRoot('pkg')
export const cache = inRoot('.data', 'build')
export const tools = inRoot('.data', 'tools')
