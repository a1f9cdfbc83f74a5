/**
 * A set of endpoints that a program waits on together, with its own data for each.
 *
 * Adding and removing takes no kernel call: it only says what the next `select` looks
 * at. An endpoint is in one set at a time.
 */

import { EndpointGroup } from "../channels/endpoint_group.ts";
import { endsMax } from "../process/process.ts";
import { endOf } from "./endpoint_handle.ts";
import { CallError } from "./errors.ts";

/** As many as one process may open channels. */
const membersMax = endsMax;

export class EndpointSetHandle {
  readonly #group = new EndpointGroup();

  get size(): number {
    return this.#group.members.size;
  }

  add(endpoint: unknown, data: unknown): void {
    const end = endOf(endpoint);
    if (end === undefined || end.closed) {
      throw new CallError("BadArgument", "Only an open endpoint can enter a set");
    }
    if (end.group !== undefined) throw new CallError("BadArgument", "The endpoint is in a set already");
    if (this.#group.members.size >= membersMax) {
      throw new CallError("BadArgument", `A set holds at most ${membersMax} endpoints`);
    }
    this.#group.add(end, { handle: endpoint, data });
  }

  remove(endpoint: unknown): void {
    const end = endOf(endpoint);
    if (end !== undefined) this.#group.remove(end);
  }

  static groupOf(value: unknown): EndpointGroup | undefined {
    return typeof value === "object" && value !== null && #group in value ? value.#group : undefined;
  }
}
export const groupOf = EndpointSetHandle.groupOf;
Reflect.deleteProperty(EndpointSetHandle.prototype, "constructor");
Object.freeze(EndpointSetHandle.prototype);
