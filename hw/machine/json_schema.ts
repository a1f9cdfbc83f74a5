/**
 * Schemas for JSON that people write: one table gives the TypeScript type, the
 * check, and the error line.
 *
 * - Every error names the JSON path, the value and what was expected; the first one ends the read.
 * - A field that the schema does not know is an error, so that a misspelt one is found.
 * - A figure is a number that may carry its source: `65` or `{"value": 65, "source": "..."}`.
 *   The reader collects them, so that a test can ask who vouches for which number.
 */

/** A number of a description that somebody measured or chose. */
export interface Figure {
  readonly path: string;
  readonly value: number;
  readonly source: string | undefined;
}

/** Why a description was refused; its message is one line for the person who wrote it. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

export interface Reading {
  readonly figures: Figure[];
}

export interface Schema<T> {
  read(reading: Reading, path: string, value: unknown): T;
  /** What an absent field stands for; a schema without it must be given. */
  readonly absent?: { readonly value: T };
}

export type Parsed<S> = S extends Schema<infer T> ? T : never;

function refuse(path: string, value: unknown, expected: string): never {
  const shown = value === undefined ? "missing" : (JSON.stringify(value) ?? String(value)).slice(0, 80);
  throw new SchemaError(`${path} is ${shown}, must be ${expected}`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function object<F extends Record<string, Schema<unknown>>>(
  fields: F,
): Schema<{ readonly [K in keyof F]: Parsed<F[K]> }> {
  return {
    read(reading, path, value) {
      if (!isRecord(value)) return refuse(path, value, "an object");
      const prefix = path === "" ? "" : `${path}.`;
      for (const key of Object.keys(value)) {
        if (!Object.hasOwn(fields, key)) {
          refuse(prefix + key, value[key], `absent: fields here are ${Object.keys(fields).join(", ")}`);
        }
      }
      const result: Record<string, unknown> = {};
      for (const [key, schema] of Object.entries(fields)) {
        const given = Object.hasOwn(value, key) ? value[key] : undefined;
        result[key] = given === undefined && schema.absent !== undefined
          ? schema.absent.value
          : schema.read(reading, prefix + key, given);
      }
      return result as { readonly [K in keyof F]: Parsed<F[K]> };
    },
  };
}

/** An object whose field `tag` decides which of the schemas holds for the whole of it. */
export function oneOf<F extends Record<string, Schema<unknown>>>(
  tag: string,
  schemas: F,
): Schema<Parsed<F[keyof F]>> {
  return {
    read(reading, path, value) {
      if (!isRecord(value)) return refuse(path, value, "an object");
      const chosen = value[tag];
      if (typeof chosen !== "string" || !Object.hasOwn(schemas, chosen)) {
        return refuse(`${path}.${tag}`, chosen, `one of ${Object.keys(schemas).join(", ")}`);
      }
      return schemas[chosen]!.read(reading, path, value) as Parsed<F[keyof F]>;
    },
  };
}

export function listOf<T>(item: Schema<T>, atLeast: number, atMost: number): Schema<readonly T[]> {
  return {
    read(reading, path, value) {
      if (!Array.isArray(value) || value.length < atLeast || value.length > atMost) {
        return refuse(path, value, `a list of ${atLeast} to ${atMost} items`);
      }
      return value.map((element, index) => item.read(reading, `${path}[${index}]`, element));
    },
  };
}

export function optional<T>(schema: Schema<T>, value: T): Schema<T> {
  return { read: schema.read, absent: { value } };
}

export function choice<const T extends string | number>(...allowed: T[]): Schema<T> {
  return {
    read: (_, path, value) =>
      allowed.find((one) => one === value) ??
        refuse(path, value, allowed.length === 1 ? String(allowed[0]) : `one of ${allowed.join(", ")}`),
  };
}

export const flag: Schema<boolean> = {
  read: (_, path, value) => typeof value === "boolean" ? value : refuse(path, value, "true or false"),
};

export const text: Schema<string> = {
  read: (_, path, value) => typeof value === "string" && value !== "" ? value : refuse(path, value, "a text"),
};

export function integer(lowest: number, highest: number): Schema<number> {
  return {
    read: (_, path, value) =>
      typeof value === "number" && Number.isInteger(value) && value >= lowest && value <= highest
        ? value
        : refuse(path, value, `an integer from ${lowest} to ${highest}`),
  };
}

/** A number with an optional source. */
export function figure(lowest: number, highest: number): Schema<number> {
  const expected = `a number from ${lowest} to ${highest}, or {"value": number, "source": text}`;
  return {
    read(reading, path, value) {
      let number = value;
      let source: string | undefined;
      if (isRecord(value)) {
        ({ value: number, source } = object({ value: anyNumber, source: text }).read(reading, path, value));
      }
      if (typeof number !== "number" || !(number >= lowest && number <= highest)) {
        return refuse(path, value, expected);
      }
      reading.figures.push({ path, value: number, source });
      return number;
    },
  };
}

const anyNumber: Schema<number> = {
  read: (_, path, value) => typeof value === "number" ? value : refuse(path, value, "a number"),
};
