/**
 * A set of endpoints that a program waits on together, with its own data for each.
 *
 * Adding and removing takes no kernel call: it only says what the next `select` looks
 * at. An endpoint is in one set at a time.
 */

import type { ChannelEnd } from "../channels/channel_end.ts";
import { EndpointGroup } from "../channels/endpoint_group.ts";
import { endOf } from "./endpoint_handle.ts";
import { CallError } from "./errors.ts";

interface Member {
  readonly handle: unknown;
  readonly data: unknown;
}

/** As many as one kernel has channels for one process. */
const membersMax = 4096;

export class EndpointSetHandle {
  readonly #group = new EndpointGroup();
  readonly #members = new Map<ChannelEnd, Member>();

  get size(): number {
    return this.#members.size;
  }

  add(endpoint: unknown, data: unknown): void {
    const end = endOf(endpoint);
    if (end === undefined || end.closed) {
      throw new CallError("BadArgument", "Only an open endpoint can enter a set");
    }
    if (end.group !== undefined) throw new CallError("BadArgument", "The endpoint is in a set already");
    if (this.#members.size >= membersMax) {
      throw new CallError("BadArgument", `A set holds at most ${membersMax} endpoints`);
    }
    this.#members.set(end, { handle: endpoint, data });
    this.#group.add(end);
  }

  remove(endpoint: unknown): void {
    const end = endOf(endpoint);
    if (end === undefined || !this.#members.delete(end)) return;
    this.#group.remove(end);
  }

  static groupOf(value: unknown): EndpointGroup | undefined {
    return typeof value === "object" && value !== null && #group in value ? value.#group : undefined;
  }

  static memberOf(value: unknown, end: ChannelEnd): Member | undefined {
    return typeof value === "object" && value !== null && #members in value
      ? value.#members.get(end)
      : undefined;
  }

  static forget(value: unknown, end: ChannelEnd): void {
    if (typeof value === "object" && value !== null && #members in value) value.#members.delete(end);
  }
}
export const { groupOf, memberOf, forget: forgetMember } = EndpointSetHandle;
Reflect.deleteProperty(EndpointSetHandle.prototype, "constructor");
Object.freeze(EndpointSetHandle.prototype);
