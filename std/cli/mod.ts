/**
 * Stand-in for `jsr:@std/cli`: `parseArgs`, for places that cannot reach JSR.
 *
 * `links` in the top deno.json puts this package where the real one would be; without that line the
 * real one is used and nothing else changes, because the options and the result are the same. The
 * real `parseArgs` grew out of `minimist`, so that is what works underneath. Where they differ, this
 * file makes up for it:
 * - `--no-x` switches a flag off only if `x` is negatable; otherwise it is a flag called `no-x`;
 * - a repeated flag keeps its last value, unless it is in `collect`; those are always lists.
 *
 * Left out: types for dotted names, and for aliases and defaults the names are typed `unknown`.
 */
// @ts-types="@types/minimist"
import minimist from "minimist";

/** One name or a list of names. */
type Names<Name extends string> = Name | readonly Name[];

/** What `parseArgs` is told about the flags. */
export interface ParseOptions<
  Booleans extends string = string,
  Strings extends string = string,
  Collected extends string = string,
  Negatable extends string = string,
  DoubleDash extends boolean = boolean,
> {
  /** Whether what follows `--` goes to a list of its own. */
  "--"?: DoubleDash;
  /** Other names of a flag. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags without a value; false unless given. `true`: every `--flag` without `=`. */
  boolean?: boolean | Names<Booleans>;
  /** Values of flags that are not given. */
  default?: Readonly<Record<string, unknown>>;
  /** Whether everything after the first plain argument is left alone. */
  stopEarly?: boolean;
  /** Flags whose value stays text, even if it looks like a number. */
  string?: Names<Strings>;
  /** Flags that may be given several times; always a list. */
  collect?: Names<Collected>;
  /** Flags that `--no-` before the name switches off. */
  negatable?: Names<Negatable>;
  /** Is called for each argument that no option declares; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The value returned from `parseArgs`. */
export type Args<
  Booleans extends string = never,
  Strings extends string = never,
  Collected extends string = never,
  DoubleDash extends boolean = false,
  Negatable extends string = never,
> =
  & { [Name in Exclude<Booleans, Collected>]: boolean }
  & { [Name in Exclude<Strings, Collected | Negatable>]?: string }
  & { [Name in Exclude<Extract<Strings, Negatable>, Collected>]?: string | false }
  & { [Name in Extract<Strings, Collected>]: string[] }
  & { [Name in Extract<Booleans, Collected>]: boolean[] }
  & { [Name in Exclude<Collected, Strings | Booleans>]: unknown[] }
  & { _: (string | number)[] }
  & (DoubleDash extends true ? { "--": string[] } : Record<never, never>)
  & Record<string, unknown>;

/** Reads command-line arguments into flags, and the rest into `_`. */
export function parseArgs<
  const Booleans extends string = never,
  const Strings extends string = never,
  const Collected extends string = never,
  const Negatable extends string = never,
  const DoubleDash extends boolean = false,
>(
  args: string[],
  options: ParseOptions<Booleans, Strings, Collected, Negatable, DoubleDash> = {},
): Args<Booleans, Strings, Collected, DoubleDash, Negatable> {
  const negatable = new Set<string>(list(options.negatable));
  const collected = new Set<string>(list(options.collect));
  const strings = list(options.string);
  const { unknown } = options;
  const minimistOptions: minimist.Opts = {
    "--": options["--"] ?? false,
    alias: Object.fromEntries(
      Object.entries(options.alias ?? {}).map(([name, other]) => [name, list(other)]),
    ),
    boolean: typeof options.boolean === "boolean" ? options.boolean : list(options.boolean),
    default: { ...options.default },
    stopEarly: options.stopEarly ?? false,
    string: strings,
  };
  if (unknown !== undefined) {
    minimistOptions.unknown = (arg) => {
      if (!arg.startsWith("-")) return unknown(arg) !== false;
      const { key = arg, value } = /^--?(?<key>[^=]+)(?:=(?<value>.*))?$/s.exec(arg)?.groups ?? {};
      if (negatable.has(key.replace(/^no-/, "")) || collected.has(key)) return true;
      return unknown(arg, key, value) !== false;
    };
  }
  const result: Record<string, unknown> = minimist(withoutForeignNegation(args, negatable), minimistOptions);
  for (const [name, value] of Object.entries(result)) {
    if (name === "_" || name === "--") continue;
    if (name.startsWith("no-") && value === "true") result[name] = true;
    if (Array.isArray(value) && !collected.has(name) && !Array.isArray(options.default?.[name])) {
      result[name] = value.at(-1);
    }
  }
  for (const name of collected) {
    const value = result[name];
    if (value === false && negatable.has(name)) continue;
    if (!Array.isArray(value)) result[name] = value === undefined || value === false ? [] : [value];
  }
  return result as Args<Booleans, Strings, Collected, DoubleDash, Negatable>;
}

/** Spells `--no-x` so that minimist takes it for a flag of that name, where `x` is not negatable. */
function withoutForeignNegation(args: readonly string[], negatable: ReadonlySet<string>): string[] {
  const end = args.indexOf("--");
  return args.map((arg, index) => {
    const name = /^--no-(.+)$/.exec(arg)?.[1];
    const isForeign = name !== undefined && !name.includes("=") && !negatable.has(name);
    return isForeign && (end === -1 || index < end) ? `${arg}=true` : arg;
  });
}

function list<Name extends string>(names: Names<Name> | undefined): Name[] {
  if (names === undefined) return [];
  return typeof names === "string" ? [names] : [...names];
}
