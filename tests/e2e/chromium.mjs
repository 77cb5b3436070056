// A Chromium that can be killed: started by us, with a profile that outlives it.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { patience, patient } from './site.mjs'

const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-default-browser-check', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0']

/** { context, kill() }: `kill` ends all of its processes at once, as a crash does. */
export async function start(profile) {
  const portFile = join(profile, 'DevToolsActivePort')
  rmSync(portFile, { force: true })
  const child = spawn(process.env.CHROME_PATH || '/usr/bin/chromium', [...args, `--user-data-dir=${profile}`, 'about:blank'], { stdio: 'ignore', detached: true })
  const ended = new Promise((resolve) => { child.on('exit', resolve) })
  const kill = async () => {
    try { process.kill(-child.pid, 'SIGKILL') } catch { /* it is gone */ }
    await ended
    for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket']) rmSync(join(profile, name), { force: true })
  }
  try {
    for (let waited = 0; !existsSync(portFile) || readFileSync(portFile, 'utf8').split('\n').length < 2; waited += 25) {
      if (waited > patience) throw new Error('Chromium does not start')
      await sleep(25)
    }
    const [port] = readFileSync(portFile, 'utf8').split('\n')
    const browser = patient(await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { timeout: patience }))
    return { context: browser.contexts()[0], browser, kill: async () => { await kill(); await browser.close().catch(() => {}) } }
  } catch (error) {
    await kill()
    throw error
  }
}
