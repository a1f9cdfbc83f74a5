/**
 * A command line, read: words, quotes, `;`, `&`, `|` and `>`.
 *
 * - Single quotes keep everything; in double quotes a backslash keeps the next
 *   character; outside of quotes too. Quotes inside a word join it.
 * - `;` ends a command, `&` ends it and runs it in the background, `> FILE` sends its
 *   output to a file; `|` makes what stands before it the input of what stands behind.
 * - What cannot be read is one clear sentence, and nothing of the line runs. So is `<`, which other shells
 *   know: a program that got it as an argument would do something that nobody meant.
 */

/** The words of one command or program. */
export type Words = readonly string[];

export interface Command {
  /** At least one; the output of each is the input of the next. */
  readonly stages: readonly Words[];
  /** Where the output of the last goes; undefined for the standard output. */
  readonly file: string | undefined;
  readonly isBackground: boolean;
}

type Token = { readonly kind: "word"; readonly text: string } | { readonly kind: Separator };
type Separator = ";" | "&" | "|" | ">";

const separators: readonly string[] = [";", "&", "|", ">"] satisfies Separator[];

/** The commands of a line, or what is wrong with it. */
export function parseLine(line: string): readonly Command[] | string {
  const tokens = tokensOf(line);
  return typeof tokens === "string" ? tokens : commandsOf(tokens);
}

function tokensOf(line: string): Token[] | string {
  const tokens: Token[] = [];
  let word: string | undefined;
  let quote = "";
  const endWord = () => {
    if (word !== undefined) tokens.push({ kind: "word", text: word });
    word = undefined;
  };
  for (let index = 0; index < line.length; index++) {
    const character = line[index]!;
    if (character === "\\" && quote !== "'") {
      const next = line[++index];
      if (next === undefined) return "the line ends with a backslash";
      word = (word ?? "") + next;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === " " || character === "\t") {
      endWord();
    } else if (separators.includes(character)) {
      endWord();
      tokens.push({ kind: character as Separator });
    } else if (character === "<") {
      return `"${character}" stands for nothing here; write '${character}' for the character itself`;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== "") return `the quote ${quote} is not closed`;
  endWord();
  return tokens;
}

function commandsOf(tokens: readonly Token[]): readonly Command[] | string {
  const commands: Command[] = [];
  let stages: Words[] = [];
  let words: string[] = [];
  let file: string | undefined;
  const ended: readonly Token[] = [...tokens, { kind: ";" }];
  for (let index = 0; index < ended.length; index++) {
    const token = ended[index]!;
    if (token.kind === "word") {
      words.push(token.text);
    } else if (token.kind === ">") {
      const next = ended[++index];
      if (next?.kind !== "word") return 'after ">" comes the name of a file';
      if (words.length === 0) return 'before ">" comes a command';
      if (file !== undefined) return "the output of one command goes to one file";
      file = next.text;
    } else if (token.kind === "|") {
      if (words.length === 0) return 'before "|" comes a command';
      if (file !== undefined) {
        return 'only the last of several commands with "|" between them can write to a file';
      }
      stages.push(words);
      words = [];
    } else {
      if (words.length > 0) {
        commands.push({ stages: [...stages, words], file, isBackground: token.kind === "&" });
      } else if (stages.length > 0) return 'after "|" comes a program';
      else if (token.kind === "&") return 'before "&" comes a command';
      stages = [];
      words = [];
      file = undefined;
    }
  }
  return commands;
}
