// Chromium and its driver, for the suites that run in a real browser.
import * as apt from './apt.mjs'
import { SetupError, which } from './command.mjs'

const browsers = [
  'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', '/usr/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const drivers = ['chromedriver', '/usr/bin/chromedriver']

function pick(variable, names) {
  const wanted = process.env[variable]
  if (!wanted) return names.map((name) => which(name)).find(Boolean)
  const found = which(wanted)
  if (!found) throw new SetupError(`${variable} is ${wanted}, which is not an executable file`)
  return found
}

const find = () => ({ chrome: pick('CHROME_PATH', browsers), driver: pick('CHROMEDRIVER', drivers) })

/** Returns { chrome, driver }: paths of a Chromium and the chromedriver that goes with it. */
export async function ensureBrowser() {
  const found = find()
  if (found.chrome && found.driver) return found
  if (apt.canInstall()) {
    await apt.install('chromium', 'chromium-driver', 'fonts-liberation')
    const installed = find()
    if (installed.chrome && installed.driver) return installed
  }
  const missing = [!found.chrome && 'Chromium (or set CHROME_PATH)', !found.driver && 'chromedriver of the same version (or set CHROMEDRIVER)'].filter(Boolean)
  throw new SetupError(`The browser suites need ${missing.join(' and ')}. Debian: apt-get install chromium chromium-driver. macOS: brew install chromium chromedriver.`)
}
