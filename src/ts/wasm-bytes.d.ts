// Written by the build: the binary as base64 text.
declare const text: string
export default text
