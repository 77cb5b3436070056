// Nobody: what `TextDecoder` and `JSON.parse` take by themselves.
export const supports = () => true
