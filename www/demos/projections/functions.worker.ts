import { serve } from 'eddyline/project'
import { Digests, Reminders } from './model'

serve([Reminders, Digests])
