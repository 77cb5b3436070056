// Debian packages, when this is Debian (or Ubuntu) and we may install them.
import { must, say, which } from './command.mjs'

export const canInstall = () => process.getuid?.() === 0 && which('apt-get') !== undefined

export async function install(...packages) {
  say(`Installing ${packages.join(', ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await must('apt-get', ['update', '-qq'], { env })
  await must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env })
}
