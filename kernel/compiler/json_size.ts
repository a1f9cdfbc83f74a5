/**
 * How large the text of a value will be as JSON, found before it is made.
 *
 * The same array may stand in a value a thousand million times, and no code of the program runs while the
 * library writes it out; so the size is counted first, and counting ends at a bound.
 * - Neither getters nor `toJSON` are called: what they give counts for itself, in the program.
 */

/** Characters that a number or an empty array takes, about. */
const smallest = 4;
/** Bytes of memory that an object takes at the least: who has more of them alive has some of them twice. */
const objectBytesMin = 16;

/** Characters of the text, about; infinite when it holds more than fits into so much memory. */
export function jsonSize(value: unknown, memoryBytes: number): number {
  let size = 0;
  let objects = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    size += typeof next === "string" ? next.length : smallest;
    if (typeof next !== "object" || next === null || Object.hasOwn(next, "toJSON")) continue;
    if (++objects > memoryBytes / objectBytesMin || size > memoryBytes) return Infinity;
    for (const key of Object.keys(next)) {
      const property: unknown = Object.getOwnPropertyDescriptor(next, key)?.value;
      if (!Array.isArray(next)) size += key.length;
      if (typeof property === "object") waiting.push(property);
      else size += typeof property === "string" ? property.length : smallest;
    }
  }
  return size;
}
