/** Opens the engine, connects the feed, shows the page. */
import { createRoot } from 'react-dom/client'
import { createDatabase } from 'eddyline'
import { EddylineProvider } from 'eddyline/react'
import { App } from './app'
import { feed } from './feed'
import { schema } from './schema'
import './styles/base.css'
import './styles/issues.css'
import './styles/panel.css'

const root = createRoot(document.getElementById('root')!)

async function start() {
  const db = await createDatabase({ schema, name: 'demo' })
  db.connect(feed)
  root.render(<EddylineProvider db={db}><App /></EddylineProvider>)
}

start().catch(error => {
  root.render(<p className="fatal">The engine did not start: {error instanceof Error ? error.message : String(error)}</p>)
})
