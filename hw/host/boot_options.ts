/**
 * The options of `boot` and `explain`: words of the command line in, checked values out.
 *
 * Everything that can be said about an option alone is said here; what needs the disk,
 * the network or another file is found out by whoever uses the value.
 * - What is wrong throws a UsageError, whose message is one line and names the value.
 */

import { parseArgs } from "@std/cli";
import { resolve } from "@std/path";
import { parsePublish, type PublishOption } from "./publish_option.ts";

/** Something that a person has to put right; the message is all there is to say. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface BootOptions {
  readonly machine: string;
  readonly disk: string | undefined;
  readonly publish: readonly PublishOption[];
  readonly tap: string | undefined;
  readonly exec: string | undefined;
  readonly headless: boolean;
  readonly forSeconds: number | undefined;
  /** A folder of the person's own; its manifests go before all others. */
  readonly manifests: string | undefined;
  readonly seed: number;
  readonly trace: string | undefined;
  readonly pcap: string | undefined;
  readonly json: boolean;
}

const texts = ["machine", "disk", "publish", "tap", "exec", "for", "manifests", "seed", "trace", "pcap"];
const flags = ["headless", "json"];
/** What says something about placement; the others are about running. */
const explainOptions = ["machine", "manifests", "seed", "json"];
const seedMax = 0xffff_ffff;

/** Options of `boot`; operands are refused. */
export function parseBootOptions(words: readonly string[]): BootOptions {
  return parse(words, [...texts, ...flags], 0).options;
}

/** Options and the one operand of `explain`. */
export function parseExplainOptions(words: readonly string[]): { options: BootOptions; manifest: string } {
  const { options, operands } = parse(words, explainOptions, 1);
  return { options, manifest: operands[0]! };
}

/** What `install` is told: the program, its manifest if it is not where it is looked for, and the disk. */
export interface InstallOptions {
  readonly il: string;
  readonly manifest: string | undefined;
  readonly disk: string;
}

export function parseInstallOptions(words: readonly string[]): InstallOptions {
  const names = ["disk", "manifest"];
  const given = parseArgs([...words], {
    string: names,
    unknown: (word) => {
      if (word.startsWith("-")) throw new UsageError(`"${word}" is not an option of this command`);
      return true;
    },
  }) as { _: (string | number)[]; disk?: string; manifest?: string };
  for (const name of names) {
    const value: unknown = given[name as "disk"];
    if (value === "") throw new UsageError(`--${name} needs a value`);
    if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`);
  }
  const [il, ...others] = given._.map(String);
  if (il === undefined || others.length > 0) {
    throw new UsageError(`expected one file with intermediate language, got ${given._.length}; try --help`);
  }
  if (given.disk === undefined) {
    throw new UsageError("--disk is missing: which image is it to be installed on?");
  }
  return { il, manifest: given.manifest, disk: given.disk };
}

function parse(
  words: readonly string[],
  allowed: readonly string[],
  operandCount: number,
): { options: BootOptions; operands: string[] } {
  const given = parseArgs(joinValues(words), {
    string: texts,
    boolean: flags,
    collect: texts,
    unknown: (word) => {
      if (word.startsWith("-")) throw new UsageError(`"${word}" is not an option; try --help`);
      return true;
    },
  }) as Record<string, unknown> & { _: (string | number)[] };
  const many = (name: string): readonly string[] => {
    const values = given[name] as readonly string[];
    if (values.includes("")) throw new UsageError(`--${name} needs a value`);
    return values;
  };
  const one = (name: string): string | undefined => {
    const [value, second] = many(name);
    if (second !== undefined) {
      throw new UsageError(`--${name} is given more than once: "${value}", "${second}"`);
    }
    return value;
  };
  for (const name of [...texts, ...flags]) {
    const isGiven = texts.includes(name) ? many(name).length > 0 : given[name] === true;
    if (isGiven && !allowed.includes(name)) {
      throw new UsageError(`--${name} is not an option of this command`);
    }
  }
  const operands = given._.map(String);
  if (operands.length !== operandCount) {
    const found = operands.length === 0 ? "none" : operands.join(" ");
    const expected = operandCount === 0 ? "no operand" : "one operand, the file of a manifest";
    throw new UsageError(`expected ${expected}, got ${found}; try --help`);
  }
  const options: BootOptions = {
    machine: one("machine") ?? "helios",
    disk: one("disk"),
    publish: many("publish").map(parsePublish),
    tap: one("tap"),
    exec: one("exec"),
    headless: given.headless === true,
    forSeconds: seconds(one("for")),
    manifests: one("manifests"),
    seed: parseSeed(one("seed")),
    trace: one("trace"),
    pcap: one("pcap"),
    json: given.json === true,
  };
  checkTogether(options);
  return { options, operands };
}

/** `--seed -1` as `--seed=-1`: a value may begin with a dash. */
function joinValues(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const takesValue = word.startsWith("--") && texts.includes(word.slice(2));
    const value = words[index + 1];
    if (!takesValue || value === undefined || value.startsWith("--")) joined.push(word);
    else {
      joined.push(`${word}=${value}`);
      index++;
    }
  }
  return joined;
}

function checkTogether({ headless, exec, disk, trace, pcap }: BootOptions): void {
  if (headless && exec !== undefined) throw new UsageError("--headless and --exec exclude each other");
  const files = Object.entries({ disk, trace, pcap }).filter(([, path]) => path !== undefined);
  const byPath = new Map<string, string>();
  for (const [name, path] of files) {
    const other = byPath.get(resolve(path!));
    if (other !== undefined) throw new UsageError(`--${other} and --${name} name the same file "${path}"`);
    byPath.set(resolve(path!), name);
  }
}

function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value >= 0) return value;
  throw new UsageError(`--for is "${text}", expected a number of seconds of at least 0`);
}

/** A seed of random numbers; 1 unless one is given. */
export function parseSeed(text: string | undefined): number {
  const value = Number(text ?? 1);
  if (Number.isInteger(value) && value >= 0 && value <= seedMax) return value;
  throw new UsageError(`--seed is "${text}", expected a whole number from 0 to ${seedMax}`);
}
