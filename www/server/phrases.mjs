/** The words the demo's data is made of: names, and parts of sentences that fit together in any combination. */

/** @type {[key: string, name: string, color: string][]} */
export const PROJECTS = [
  ['WEB', 'Web app', '#5e6ad2'], ['IOS', 'iOS app', '#2f8fd8'], ['AND', 'Android app', '#3aa76d'],
  ['API', 'Public API', '#c9632f'], ['BIL', 'Billing', '#b8862b'], ['SEA', 'Search', '#8a5cc2'],
  ['INF', 'Infrastructure', '#64748b'], ['SEC', 'Security', '#cf4257'], ['DES', 'Design system', '#d0589b'],
  ['ONB', 'Onboarding', '#27a0a0'], ['DAT', 'Data platform', '#7c8f2d'], ['DOC', 'Documentation', '#a0704a'],
]

export const FIRST_NAMES = ['Amara', 'Ben', 'Chiara', 'Dmitri', 'Elif', 'Femi', 'Greta', 'Hiro', 'Ines', 'Jonas', 'Kavya',
  'Liam', 'Maja', 'Noor', 'Oskar', 'Priya', 'Quentin', 'Rosa', 'Samir', 'Tove', 'Uma', 'Viktor', 'Wen', 'Ximena', 'Yusuf',
  'Zofia', 'Adele', 'Bruno', 'Carmen', 'Davit', 'Esther', 'Farid', 'Gwen', 'Henrik', 'Ivana', 'Jamal', 'Keiko', 'Leon',
  'Mirela', 'Nils']

export const LAST_NAMES = ['Okafor', 'Lindqvist', 'Moretti', 'Sokolov', 'Demir', 'Adeyemi', 'Hoffmann', 'Tanaka', 'Duarte',
  'Berg', 'Raman', 'Walsh', 'Novak', 'Haddad', 'Nyberg', 'Sharma', 'Lefevre', 'Santos', 'Khoury', 'Dahl', 'Iyer', 'Petrov',
  'Zhang', 'Flores', 'Kaya', 'Kowalska', 'Laurent', 'Costa', 'Vega', 'Petrosyan', 'Mwangi', 'Rahimi', 'Price', 'Solberg',
  'Jovic', 'Carter', 'Mori', 'Fischer', 'Popescu', 'Holm']

/** @type {[name: string, color: string][]} */
export const LABELS = [
  ['bug', '#e5484d'], ['feature', '#8e4ec6'], ['improvement', '#3e63dd'], ['performance', '#f76b15'],
  ['accessibility', '#12a594'], ['security', '#ca244d'], ['regression', '#d6409f'], ['flaky test', '#978365'],
  ['needs design', '#ab4aba'], ['needs repro', '#ffba18'], ['customer', '#30a46c'], ['mobile', '#0090ff'],
  ['backend', '#60646c'], ['frontend', '#5b5bd6'], ['database', '#ad7f58'], ['infra', '#7d7d86'],
  ['docs', '#a18072'], ['good first issue', '#46a758'], ['tech debt', '#86907a'], ['blocked', '#dc3e42'],
  ['i18n', '#00a2c7'], ['analytics', '#8db654'], ['compliance', '#b45309'], ['quick win', '#29a383'],
]

export const COLORS = ['#e5484d', '#f76b15', '#ffba18', '#46a758', '#12a594', '#0090ff', '#3e63dd', '#8e4ec6', '#d6409f',
  '#978365', '#7d66d9', '#2b9a66']

export const VERBS = ['Fix', 'Investigate', 'Rework', 'Add', 'Remove', 'Speed up', 'Document', 'Simplify', 'Migrate', 'Cache',
  'Validate', 'Redesign', 'Handle', 'Log', 'Retry', 'Limit', 'Localize', 'Test', 'Expose', 'Deprecate']

export const THINGS = ['session refresh', 'invoice export', 'search suggestions', 'keyboard navigation', 'avatar upload',
  'webhook delivery', 'rate limits', 'dark mode colors', 'empty states', 'email templates', 'audit log', 'team invitations',
  'image thumbnails', 'date picker', 'offline drafts', 'push notifications', 'permission checks', 'CSV import',
  'the activity feed', 'background jobs', 'password reset', 'two-factor prompts', 'the onboarding checklist', 'query planner',
  'full-text index', 'currency rounding', 'time zone handling', 'drag and drop', 'infinite scroll', 'the settings page',
  'token rotation', 'connection pooling', 'error messages', 'the usage dashboard', 'API pagination', 'release notes',
  'tooltip placement', 'schema migrations', 'the mobile menu', 'copy to clipboard']

export const CIRCUMSTANCES = ['on slow connections', 'after a deploy', 'for large workspaces', 'in Safari', 'on small screens',
  'when the token has expired', 'for guests', 'under heavy load', 'after switching accounts', 'for archived projects',
  'with screen readers', 'in the EU region', 'when two tabs are open', 'for names with accents', 'during failover',
  'on first launch', 'for trial customers', 'when the list is empty', 'behind a proxy', 'across daylight saving time']

export const OBSERVATIONS = ['It started with the last release.', 'Three customers have written in about this.',
  'The logs show nothing unusual until the very end.', 'It only happens every tenth time or so.',
  'Support has a workaround, but it takes them an hour each time.', 'The old implementation did this right.',
  'We measured it: the slow path takes more than two seconds.', 'The spinner never goes away.',
  'Reloading the page helps, which points to stale state.', 'The numbers on the dashboard do not add up.',
  'A retry succeeds nearly always.', 'It is worst on Monday mornings.', 'The design in the file is newer than what we ship.',
  'Nobody seems to own this part of the code any more.', 'It blocks the rollout to the next group of customers.']

export const PLANS = ['Let us start with a failing test.', 'The smallest step is to put a limit on it and tell the user why.',
  'I would move this into a job and report progress.', 'We can reuse what the importer already does.',
  'First measure, then decide whether a cache is worth it.', 'Ship it behind a flag and watch the error rate for a day.',
  'Two screens need new copy; everything else can stay.', 'Agree on the wording with support before the change goes out.',
  'The migration can run online in batches.', 'Delete the old path once the new one has served for a week.',
  'Write down the decision where the next person will look for it.']

export const REPLIES = ['I can reproduce this.', 'Not able to reproduce on the current build.', 'Good catch, thank you.',
  'Picked this up, a change is in review.', 'This looks related to the change from last week.',
  'Moving it to the next cycle, we ran out of time.', 'The fix is on staging, please have a look.',
  'Works for me now.', 'Could you add a recording of what you see?', 'I split the second part out into its own issue.',
  'Agreed. Let us keep the scope small.', 'We should tell the customer before they ask again.',
  'The test fails without the change and passes with it.', 'I would rather not add another setting for this.',
  'Numbers after the change: 1.9 s down to 240 ms.', 'Raised the priority, it came up again today.',
  'This is as designed, but the design may be wrong.', 'Rolled back for now.', 'Can this wait until the migration is over?',
  'Done, closing soon unless somebody objects.']
