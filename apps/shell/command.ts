/**
 * What a command is: a name, its usage, and a function from words to a result.
 *
 * A command writes to the output that it is given, or returns rows; how rows are
 * shown, as a table or as JSON, is decided in one place for all commands.
 * - A command that fails returns one sentence and a status; it does not print it.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";
import type { Keyboard } from "./keyboard.ts";
import type { Output } from "./output.ts";
import type { Column, Row, Value } from "./table.ts";

export interface Result {
  readonly status: number;
  /** One sentence about what could not be done. */
  readonly error?: string;
  readonly rows?: readonly Row[];
  /** How people see the rows; without columns what the command wrote is all they see. */
  readonly columns?: readonly Column[];
  /** Further fields of the JSON object. */
  readonly fields?: Readonly<Record<string, Value | readonly string[]>>;
  /** Shown to people below the table. */
  readonly footer?: string;
}

export interface Context {
  readonly kernel: Kernel;
  readonly words: readonly string[];
  readonly output: Output;
  /** What a person types while a program runs; undefined when the shell is not interactive. */
  readonly keyboard: Keyboard | undefined;
}

export interface CommandDefinition {
  readonly name: string;
  readonly usage: string;
  readonly doc: string;
  /** How many words may follow the name. */
  readonly words: readonly [least: number, most: number];
  /** The program that the command runs with its words, if that is all it does; so it can run in the background. */
  readonly program?: string;
  readonly run: (context: Context) => Call<Result>;
}

export const done: Result = { status: 0 };

export function failure(error: string, status = 1): Result {
  return { status, error };
}
