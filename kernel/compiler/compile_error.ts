/**
 * Why a program cannot be compiled: one line that names the place, the rule and the value in hand.
 *
 * Both phases throw it and nothing else for a program that breaks a rule; whoever compiles shows the
 * message as it is.
 * - Lines count from 1, columns from 1, in the source file that a person wrote.
 * - `rule` is the short name under which docs/compilation.md explains the rule.
 */

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly place: SourcePlace;
  readonly rule: string;

  constructor(place: SourcePlace, rule: string, reason: string) {
    super(`${formatPlace(place)}: ${reason} (rule ${rule})`);
    this.place = place;
    this.rule = rule;
  }
}

export function formatPlace(place: SourcePlace): string {
  return `${place.file}:${place.line}:${place.column}`;
}

/** The place that a text of `formatPlace` tells. */
export function parsePlace(text: string): SourcePlace | undefined {
  const found = /^(.+):(\d+):(\d+)$/.exec(text);
  return found === null ? undefined : { file: found[1]!, line: Number(found[2]), column: Number(found[3]) };
}
