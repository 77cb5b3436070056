// Perspective in Node is a module of its own: the engine in this thread.
import client from '@perspective-dev/client'

export const perspective = async () => client
