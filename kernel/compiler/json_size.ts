/**
 * How large the text of a value will be as JSON, and how deep it nests, found before it is made.
 *
 * The same array may stand in a value a thousand million times, and no code of the program runs while the
 * library writes it out; so the size is counted first, and counting ends at a bound.
 * - Neither getters nor `toJSON` are called: what they give counts for itself, in the program.
 */

/** Characters that a number or an empty array takes, about. */
const smallest = 4;
/** Bytes of memory that an object takes at the least: who has more of them alive has some of them twice. */
const objectBytesMin = 16;

export interface JsonShape {
  /** Characters of the text, about; infinite when it holds more than fits into so much memory. */
  readonly size: number;
  /** How deep arrays and objects nest. */
  readonly levels: number;
  /** Whether getters or `toJSON` give what nobody knows yet. */
  readonly isOpaque: boolean;
}

export function jsonShape(value: unknown, memoryBytes: number): JsonShape {
  let size = 0;
  let levels = 0;
  let objects = 0;
  let isOpaque = false;
  const waiting: { readonly next: unknown; readonly level: number }[] = [{ next: value, level: 1 }];
  for (let taken = waiting.pop(); taken !== undefined; taken = waiting.pop()) {
    const { next, level } = taken;
    size += typeof next === "string" ? next.length : smallest;
    if (typeof next !== "object" || next === null) continue;
    levels = Math.max(levels, level);
    if ("toJSON" in next) isOpaque = true;
    if (Object.hasOwn(next, "toJSON")) continue;
    if (++objects > memoryBytes / objectBytesMin || size > memoryBytes) size = Infinity;
    if (size === Infinity) break;
    for (const key of Object.keys(next)) {
      const descriptor = Object.getOwnPropertyDescriptor(next, key);
      if (descriptor?.get !== undefined) isOpaque = true;
      const property: unknown = descriptor?.value;
      if (!Array.isArray(next)) size += key.length;
      if (typeof property === "object") waiting.push({ next: property, level: level + 1 });
      else size += typeof property === "string" ? property.length : smallest;
    }
  }
  return { size, levels, isOpaque };
}
