/**
 * Reads data that nobody vouches for: an IL's header, a program's declaration.
 *
 * `plainCopy` takes an object of a program apart without running any of its code; `DataReader` then asks
 * for one part after the other and refuses what is not as expected.
 * - A refusal names the path of the part, such as `services[1].path`, what is there and what was expected.
 * - Everything is bounded: depth, number of parts, length of texts.
 */

export type DataPath = readonly (string | number)[];

/** Throws; made by the caller, who knows the file and the rule. */
export type Refuse = (path: DataPath, reason: string) => never;

const depthMax = 32;
const partsMax = 20_000;
const textSizeMax = 4096;

/** A path as a person would write it. */
export function formatPath(path: DataPath): string {
  return path.map((key, index) => typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`).join(
    "",
  );
}

/** A copy that holds no getters, functions or shared parts; what is no data is refused. */
export function plainCopy(value: unknown, refuse: Refuse): unknown {
  let parts = 0;
  const copy = (part: unknown, path: DataPath): unknown => {
    if (++parts > partsMax) refuse(path, `is one of more than ${partsMax} parts`);
    if (path.length > depthMax) refuse(path, `is nested deeper than ${depthMax} levels`);
    if (typeof part === "string" && part.length > textSizeMax) {
      refuse(path, `is a text of ${part.length} characters, at most ${textSizeMax} are allowed`);
    }
    if (part === null || ["string", "number", "boolean", "undefined"].includes(typeof part)) return part;
    if (typeof part !== "object") return refuse(path, `is a ${typeof part}, expected data`);
    return copyObject(part, path, (child, key) => copy(child, [...path, key]), refuse);
  };
  return copy(value, []);
}

function copyObject(
  object: object,
  path: DataPath,
  copy: (child: unknown, key: string | number) => unknown,
  refuse: Refuse,
): unknown {
  const isArray = Array.isArray(object);
  const keys = Object.keys(object);
  if (keys.length > partsMax || (isArray && keys.length !== object.length)) {
    refuse(path, "has too many or missing elements");
  }
  const result: unknown[] | Record<string, unknown> = isArray ? [] : Object.create(null);
  for (const key of keys) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    if (property === undefined || !("value" in property)) {
      return refuse([...path, key], "is a getter, expected data");
    }
    if (Array.isArray(result)) result.push(copy(property.value, Number(key)));
    else result[key] = copy(property.value, key);
  }
  return result;
}

/** One part of plain data, with its path. */
export class DataReader {
  readonly value: unknown;
  readonly #path: DataPath;
  readonly #refuse: Refuse;

  constructor(value: unknown, refuse: Refuse, path: DataPath = []) {
    this.value = value;
    this.#path = path;
    this.#refuse = refuse;
  }

  /** An object's fields: all of `required`, maybe some of `optional`, no others. */
  fields<R extends string, O extends string = never>(
    required: readonly R[],
    optional: readonly O[] = [],
  ): { readonly [K in R]: DataReader } & { readonly [K in O]: DataReader | undefined } {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.refuse("an object");
    const object = value as Readonly<Record<string, unknown>>;
    const found: Record<string, DataReader> = {};
    for (const key of Object.keys(object)) {
      const part = new DataReader(object[key], this.#refuse, [...this.#path, key]);
      const isKnown = (required as readonly string[]).includes(key) ||
        (optional as readonly string[]).includes(key);
      if (!isKnown) part.refuse(`one of ${[...required, ...optional].join(", ")}`);
      if (object[key] !== undefined) found[key] = part;
    }
    for (const key of required) {
      if (found[key] === undefined) {
        new DataReader(undefined, this.#refuse, [...this.#path, key]).refuse("a value");
      }
    }
    return found as { [K in R]: DataReader } & { [K in O]: DataReader | undefined };
  }

  items(countMax: number): DataReader[] {
    const { value } = this;
    if (!Array.isArray(value) || value.length > countMax) return this.refuse(`a list of at most ${countMax}`);
    return value.map((item, index) => new DataReader(item, this.#refuse, [...this.#path, index]));
  }

  /** A text that matches; `expected` says in words what would. */
  text(pattern: RegExp, expected: string): string {
    const { value } = this;
    return typeof value === "string" && pattern.test(value) ? value : this.refuse(expected);
  }

  whole(least: number, most: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) {
      return value;
    }
    return this.refuse(`a whole number from ${least} to ${most}`);
  }

  /** Refuses this part for what it is. */
  refuse(expected: string): never {
    return this.#refuse(this.#path, `is ${excerpt(this.value)}, expected ${expected}`);
  }

  /** Refuses this part with a reason in words. */
  refuseBecause(reason: string): never {
    return this.#refuse(this.#path, reason);
  }
}

/** A value in a message: on one line, and not too long for it. */
function excerpt(value: unknown): string {
  if (value === undefined) return "absent";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
