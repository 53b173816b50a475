/** Words as one line that a shell splits into the same words again. */
export function quote(words: readonly string[], platform: NodeJS.Platform = process.platform): string {
  return words.map(platform === "win32" ? windowsWord : posixWord).join(" ");
}

/** POSIX shells: within single quotes nothing is special but the single quote. */
function posixWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** As the C runtime of Windows takes a command line apart: backslashes count only before a double quote. */
function windowsWord(word: string): string {
  if (/^[\w@+=:,./\\-]+$/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
